"""What capture costs the ERP: the same transactions with our triggers and without them."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self

import psycopg

from projector.bench import pgbench
from projector.bench.changes import last_id
from projector.bench.options import Options, percentile
from projector.bench.pgbench import Transaction
from projector.bench.report import Measurement, Report, Row, figure_at_most, ratio_at_least, ratio_at_most
from projector.bench.stage import Site, Stage
from projector.wakeup import CHANNEL

DEFAULTS = Options(rounds=5, seconds=3, scales=(1,))

CLIENTS = 16
OFFERED = 1_000
"""Transactions a second, where it is asked how long each takes."""
BULK_ROWS = 100_000
_WAKING_SECONDS = 0.5

_ITEM = """\\set item random(1, :items)
UPDATE inventory_items SET quantity_on_hand = quantity_on_hand + 1 WHERE id = :item;
"""
_LINE = """
INSERT INTO sales_items (sales_order_id, product_id, quantity, unit_price, line_total)
VALUES (:ordered, :product + {}, 1, 10, 10);"""
_RESERVE = """
UPDATE inventory_items SET quantity_reserved = coalesce(quantity_reserved, 0) + 1 WHERE id = :item + {};"""
_ORDER = f"""\\set customer random(1, :customers)
\\set product random(1, :products - 2)
\\set item random(1, :items - 2)
BEGIN;
INSERT INTO sales_orders (customer_id, branch_id, order_date, status, payment_status, total_amount, created_by,
    created_at)
VALUES (:customer, 1, current_date, 'pending', 'pending', 30, 1, now()) RETURNING id AS ordered \\gset
{"".join(_LINE.format(n) for n in range(3))}
{"".join(_RESERVE.format(n) for n in range(3))}
INSERT INTO sales_invoices (customer_id, sales_order_id, branch_id, invoice_date, status, total_amount, created_at)
VALUES (:customer, :ordered, 1, current_date, 'PENDING', 30, now());
COMMIT;
"""
_FILL = """
INSERT INTO inventory_items (product_id, warehouse_id, quantity_on_hand, quantity_reserved)
SELECT 1 + n %% %(products)s, 1 + n %% (SELECT max(id) FROM warehouses), 10, 0
FROM generate_series(1, %(rows)s - (SELECT count(*) FROM inventory_items)) AS n
"""
_BULK = "UPDATE inventory_items SET quantity_on_hand = quantity_on_hand + 1 WHERE id <= %s"


@dataclass(slots=True)
class Side:
    """One ERP and what was measured there, once a round: transactions a second, seconds of the bulk statement,
    milliseconds of each paced transaction."""

    url: str
    captured: bool
    single: list[float] = field(default_factory=list)
    orders: list[float] = field(default_factory=list)
    bulk: list[float] = field(default_factory=list)
    paced: list[tuple[float, ...]] = field(default_factory=list)

    def p99(self) -> tuple[float, ...]:
        return tuple(percentile(latencies, 99) for latencies in self.paced)


@dataclass(frozen=True, slots=True)
class Load:
    """What the clients do, in an ERP of this size."""

    single: Transaction
    order: Transaction
    bulk_rows: int


def measure(stage: Stage, options: Options) -> Report:
    """Rounds in which both sides do the same, the first in turn; then the paced ones, with a worker at work."""
    began = time.monotonic()
    scale = options.scales[0]
    plain, captured, load = _pair(stage, scale, round(BULK_ROWS * min(1.0, scale)))
    sides = [plain, captured]
    for number in range(options.rounds):
        stage.tell(f"write: round {number + 1} of {options.rounds}")
        _measure_round(sides, load, options.seconds)
        sides.reverse()
    rows = _rows(plain, captured, load)
    # The worker builds documents of the ERP as it is, not of products with a hundred stock items each.
    plain, captured, load = _pair(stage, scale, 0)
    site = Site(captured.url, stage.redis())
    stage.build(site)
    wakeups: list[float] = []
    with stage.worker(site), Wakeups(site.database_url) as seen:
        for number in range(options.rounds):
            stage.tell(f"write: paced round {number + 1} of {options.rounds}")
            _measure_paced(plain, load, options.seconds)
            wakeups.append(seen.count_under(lambda: _measure_paced(captured, load, options.seconds)))
    rows += _paced_rows(plain, captured, wakeups)
    return Report("write", rows, options.rounds, time.monotonic() - began, _NOTES)


def _pair(stage: Stage, scale: float, bulk_rows: int) -> tuple[Side, Side, Load]:
    """The same ERP twice, without triggers and with them; of so many stock items at least."""
    captured = Side(stage.copy(stage.database(scale)), captured=True)
    load = _prepare(captured.url, bulk_rows)
    plain = Side(stage.copy(captured.url), captured=False)
    with psycopg.connect(plain.url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA projector CASCADE")
    return plain, captured, load


def _prepare(url: str, bulk_rows: int) -> Load:
    with psycopg.connect(url, autocommit=True) as connection:
        products, customers = last_id(connection, "products"), last_id(connection, "customers")
        connection.execute(_FILL, {"products": products, "rows": bulk_rows})
        connection.execute("TRUNCATE projector.outbox")
        connection.execute("VACUUM ANALYZE")
        items = last_id(connection, "inventory_items")
    names = {"products": products, "customers": customers, "items": items}
    return Load(Transaction(_ITEM, {"items": items}), Transaction(_ORDER, names), min(bulk_rows, items))


def _measure_round(sides: list[Side], load: Load, seconds: float) -> None:
    for side in sides:
        side.single.append(pgbench.run(side.url, load.single, clients=CLIENTS, seconds=seconds).per_second)
    for side in sides:
        side.orders.append(pgbench.run(side.url, load.order, clients=CLIENTS, seconds=seconds).per_second)
    for side in sides:
        side.bulk.append(_time_bulk(side, load.bulk_rows))


def _time_bulk(side: Side, rows: int) -> float:
    """Seconds of one statement; what it and the others left behind is gone afterwards."""
    with psycopg.connect(side.url, autocommit=True) as connection:
        began = time.perf_counter()
        connection.execute(_BULK, (rows,))
        seconds = time.perf_counter() - began
        if side.captured:
            connection.execute("TRUNCATE projector.outbox")
        connection.execute("VACUUM")
        connection.execute("CHECKPOINT")
    return seconds


def _measure_paced(side: Side, load: Load, seconds: float) -> None:
    ran = pgbench.run(side.url, load.single, clients=CLIENTS, seconds=seconds, rate=OFFERED)
    side.paced.append(ran.latencies)


class Wakeups:
    """Hears every notification that a sleeping worker gets."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        self._connection.execute(f"LISTEN {CHANNEL}".encode())
        self._moments: list[float] = []
        self._thread = threading.Thread(target=self._listen)
        self._ended = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self._thread.join()
        self._connection.close()

    def count_under(self, load: Callable[[], None]) -> int:
        """While a load runs, but for the time in which the worker wakes up."""
        began = time.monotonic()
        load()
        ended = time.monotonic()
        return sum(began + _WAKING_SECONDS < moment < ended for moment in self._moments)

    def _listen(self) -> None:
        while not self._ended:
            for _ in self._connection.notifies(timeout=0.1):
                self._moments.append(time.monotonic())


def _against(figures: Sequence[float]) -> Measurement:
    return Measurement("without triggers", tuple(figures))


def _rows(plain: Side, captured: Side, load: Load) -> list[Row]:
    return [
        Row(f"single-row updates, {CLIENTS} clients", "transactions/s", tuple(captured.single),
            _against(plain.single), ratio_at_least(0.85)),
        Row(f"orders of 8 statements, {CLIENTS} clients", "transactions/s", tuple(captured.orders),
            _against(plain.orders), ratio_at_least(0.9)),
        Row(f"one update of {load.bulk_rows:,} rows", "s", tuple(captured.bulk),
            _against(plain.bulk), ratio_at_most(1.3)),
    ]  # fmt: skip


def _paced_rows(plain: Side, captured: Side, wakeups: list[float]) -> list[Row]:
    return [
        Row(f"p99 at {OFFERED:,} offered/s, worker running", "ms", captured.p99(),
            _against(plain.p99()), ratio_at_most(1.5)),
        Row(f"wake-ups at {OFFERED:,} offered/s, once awake", "NOTIFY", tuple(wakeups), None, figure_at_most(0)),
    ]  # fmt: skip


_NOTES = (
    f"pgbench, prepared statements, {CLIENTS} clients on the machine that also holds PostgreSQL. No worker runs but in"
    " the paced rounds.",
    f"A wake-up is sent only to a worker that sleeps; those of a round's first {_WAKING_SECONDS} s are left out.",
)

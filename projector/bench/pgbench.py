"""pgbench: ERP sessions from a program that takes little of the machine for itself."""

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from projector.demo.servers import postgresql_program
from projector.errors import ProjectorError

_THREADS = 2
_GRACE_SECONDS = 60.0
_RATE = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)
_LATENCY, _SECONDS, _MICROSECONDS = 2, 4, 5
"""Of a line of the log: client, number, microseconds from when the transaction was due to its end, script, when it
ended, ..."""
_WARM_UP_SECONDS = 1
"""In which sessions are opened and plan their statements for the first time; an ERP's sessions are there already."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """A script of pgbench's, and the variables that it draws its ids from."""

    script: str
    variables: dict[str, int]


@dataclass(frozen=True, slots=True)
class Ran:
    """Transactions a second, and how long each took in milliseconds (where they were logged)."""

    per_second: float
    latencies: tuple[float, ...] = ()


def run(url: str, transaction: Transaction, *, clients: int, seconds: float, rate: float | None = None) -> Ran:
    """As many transactions as the clients can do, or `rate` a second, each then timed from when it was due, once the
    sessions are warm."""
    with tempfile.TemporaryDirectory(prefix="projector-pgbench-") as folder:
        script = Path(folder) / "transaction.sql"
        script.write_text(transaction.script)
        variables = [f"--define={name}={value}" for name, value in transaction.variables.items()]
        paced = [] if rate is None else [f"--rate={rate:g}", "--log", f"--log-prefix={folder}/log"]
        whole = max(1, round(seconds)) + (0 if rate is None else _WARM_UP_SECONDS)
        output = _run(f"--client={clients}", f"--jobs={_THREADS}", f"--time={whole}", "--protocol=prepared",
                      "--no-vacuum", f"--file={script}", *variables, *paced, url, timeout=whole)  # fmt: skip
        return Ran(float(_RATE.findall(output)[0]), _latencies(Path(folder)))


def _run(*arguments: str, timeout: float) -> str:
    done = subprocess.run(  # noqa: S603 - the embedded package's program, our own arguments
        [postgresql_program("pgbench"), *arguments],
        capture_output=True,
        text=True,
        timeout=timeout + _GRACE_SECONDS,
        check=False,
    )
    if done.returncode or not _RATE.search(done.stdout):
        raise ProjectorError(f"pgbench failed: {done.stderr.strip()[-500:]}")
    return done.stdout


def _latencies(folder: Path) -> tuple[float, ...]:
    rows = [line.split() for log in folder.glob("log*") for line in log.read_text().splitlines()]
    ended = [(int(row[_SECONDS]) + int(row[_MICROSECONDS]) / 1e6, int(row[_LATENCY]) / 1e3) for row in rows]
    warm = min((moment for moment, _ in ended), default=0.0) + _WARM_UP_SECONDS
    return tuple(latency for moment, latency in ended if moment > warm)

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
_LATENCY_FIELD = 2
"""Of a line of the log: client, number, microseconds from when the transaction was due to its end, ..."""


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
    """As many transactions as the clients can do, or `rate` a second, each then timed from when it was due."""
    with tempfile.TemporaryDirectory(prefix="projector-pgbench-") as folder:
        script = Path(folder) / "transaction.sql"
        script.write_text(transaction.script)
        variables = [f"--define={name}={value}" for name, value in transaction.variables.items()]
        paced = [] if rate is None else [f"--rate={rate:g}", "--log", f"--log-prefix={folder}/log"]
        whole = max(1, round(seconds))
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
    return tuple(
        int(line.split()[_LATENCY_FIELD]) / 1e3
        for log in folder.glob("log*")
        for line in log.read_text().splitlines()
    )  # fmt: skip

"""Load on an HTTP server from a process of its own: wrk where it is installed, else a client in Python.

Both keep 32 connections open, with one request at a time on each. The client in Python is slower than a bare server:
with it, ratios to fast baselines come out too good.
"""

import json
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from projector.bench.helper import cpu_seconds, helping
from projector.bench.stage import Served
from projector.errors import ProjectorError

CONNECTIONS = 32
_SCRIPT = Path(__file__).with_name("wrk.lua")


@dataclass(frozen=True, slots=True)
class Load:
    """What a server did under load; `cpu_us` is its own processor time for one request, in microseconds."""

    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    megabytes: float


def write_targets(file: Path, paths: Iterable[str], tags: Iterable[str] | None = None, coding: str = "") -> Path:
    """The file that a load reads: each path with the ETag that the client knows, and with what it accepts."""
    chosen = list(paths)
    lines = zip(chosen, tags or [""] * len(chosen), strict=True)
    file.write_text("".join(f"{path}\t{tag}\t{coding}\n" for path, tag in lines))
    return file


def client_name(seconds: float) -> str:
    """wrk measures whole seconds."""
    return "wrk" if seconds >= 1 and shutil.which("wrk") else "a client in Python, which is itself a bottleneck"


def put_load(server: Served, targets: Path, seconds: float) -> Load:
    """Requests the targets in turn for so long; ProjectorError where any answer was an error."""
    before = cpu_seconds(server.pid)
    program = shutil.which("wrk") if seconds >= 1 else None
    found = _wrk(program, server, targets, seconds) if program else _python(server, targets, seconds)
    if found["errors"] or not found["requests"]:
        raise ProjectorError(f"{found['errors']} of {found['requests']} requests failed ({targets.name}).")
    return Load(
        per_second=found["requests"] / found["seconds"],
        p50_ms=found["p50_ms"],
        p99_ms=found["p99_ms"],
        cpu_us=(cpu_seconds(server.pid) - before) / found["requests"] * 1e6,
        megabytes=found["bytes"] / 1e6,
    )


def _wrk(program: str, server: Served, targets: Path, seconds: float) -> dict[str, float]:
    command = [program, "-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s", "-s", str(_SCRIPT)]
    address = [f"http://127.0.0.1:{server.port}", "--", str(targets)]
    done = subprocess.run([*command, *address], capture_output=True, text=True, check=False)  # noqa: S603 - wrk
    if done.returncode:
        raise ProjectorError(f"wrk failed: {done.stderr.strip()[-500:]}")
    answer: dict[str, float] = json.loads(done.stdout[done.stdout.rindex("{") :])
    return answer


def _python(server: Served, targets: Path, seconds: float) -> dict[str, float]:
    with helping("client", server.port, targets, seconds, CONNECTIONS) as helper:
        return helper.read()

"""projector status, projector check: what flows, and whether the installation is sound."""

import json
from contextlib import suppress
from dataclasses import asdict
from typing import Annotated, Any

import typer
import uvloop

from cli.watching import require_terminal, watch
from projector.check import check as check_installation
from projector.errors import BadInput
from projector.redis_acl import acl_commands
from projector.settings import Settings
from projector.status import Draining, Status, read_status

AsJson = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]


def status(
    as_json: AsJson = False,
    watched: Annotated[
        bool, typer.Option("--watch", "-w", help="Renew it on the terminal until q or Ctrl-C; problems first.")
    ] = False,
    interval: Annotated[float, typer.Option(min=0.2, max=3600, help="Seconds between two looks of --watch.")] = 1.0,
) -> None:
    """Show what flows and what waits; exit code 1 if something is wrong.

    With --json the same for a program; docs/terminal.md says what each field means.
    """
    settings = Settings.load()
    if watched:
        _watch(settings, interval, as_json=as_json)
        return
    found = uvloop.run(read_status(settings))
    typer.echo(json.dumps(found.as_json()) if as_json else _status_text(found))
    raise typer.Exit(1 if found.problems else 0)


def _watch(settings: Settings, interval: float, *, as_json: bool) -> None:
    if as_json:
        raise BadInput("--watch is for people, and --json for programs. Take one of them.")
    require_terminal()
    with suppress(KeyboardInterrupt):
        uvloop.run(watch(settings, interval, status_lines))


def check(
    as_json: AsJson = False,
    redis_acl: Annotated[
        bool, typer.Option("--redis-acl", help="Print the commands that make users for worker and API in Redis.")
    ] = False,
) -> None:
    """Say whether this installation is sound: coverage, indexes, rights, Redis; exit code 1 if not.

    Missing indexes come as statements that are ready to run, each with the sections that need it.
    With --redis-acl it looks at nothing: projector check --redis-acl | redis-cli
    """
    if redis_acl:
        typer.echo("\n".join(acl_commands()))
        return
    report = check_installation(Settings.load())
    if as_json:
        content = {
            "sound": report.sound,
            "findings": [asdict(finding) for finding in report.findings],
            "indexes": [asdict(index) for index in report.indexes],
        }
        typer.echo(json.dumps(content))
    else:
        for line in (*report.findings, *report.indexes):
            typer.echo(str(line))
    raise typer.Exit(0 if report.sound else 1)


def _status_text(found: Status) -> str:
    return "\n".join(f"{name:<13} {value}" for name, value in status_lines(found))


def status_lines(found: Status) -> list[tuple[str, str]]:
    """Names and values for people; a name may come several times."""
    lines = {
        "projector": f"{found.version}, business time zone {found.timezone}",
        "workers": str(found.workers),
        "outbox": f"{found.events_waiting} events, the oldest waits {found.oldest_event_seconds:.1f} s",
        "backlog": f"{_counts(found.backlog)}; {found.fanouts_waiting} fan-outs to resolve",
        "drain": _drain(found.draining),
        "rebuilding": ", ".join(f"{name} ({why})" for name, why in found.rebuilding.items()) or "nothing",
        "dead letters": f"{found.dead_letters}" + (f"; broken: {', '.join(found.broken)}" if found.broken else ""),
        "audit": f"all compared since {found.audited_at or 'never'}; {found.drift_last_day} differences in 24 h",
        "redis": "reachable" if found.redis_reachable else "not reachable",
        "built": ", ".join(name for name, built in found.built.items() if built) or "nothing",
        "timers": str(found.timers),
    }
    more = [("drift", _drift(row)) for row in found.drift] + [("problem", problem) for problem in found.problems]
    return [*lines.items(), *more]


def _drain(draining: Draining | None) -> str:
    if draining is None:
        return "nothing to do"
    end = "unknown" if draining.seconds_left is None else f"in about {draining.seconds_left:.0f} s"
    return f"{draining.done} of {draining.total} rows done, {draining.per_second:.0f} a second, end {end}"


def _drift(row: dict[str, Any]) -> str:
    what = "repaired" if row["repaired"] else "NOT repaired"
    return f"{row['found_at']} {row['document']} {row['id']} {row['section']}: {row['detail']} ({what})"


def _counts(backlog: dict[str, int]) -> str:
    return ", ".join(f"{count} {document}" for document, count in backlog.items()) or "empty"

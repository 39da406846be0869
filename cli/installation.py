"""projector install, projector uninstall."""

import asyncio
import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from projector.errors import BadInput, InstallError, RedisUnavailable
from projector.install import install as install_projector
from projector.install import uninstall as uninstall_projector
from projector.remove import forget_documents
from projector.settings import Settings
from projector.views import Verdicts


def install(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the SQL that would run, and change nothing.")
    ] = False,
    roles: Annotated[
        bool, typer.Option("--roles", help="Also create the roles projector_owner and projector_worker.")
    ] = False,
) -> None:
    """Create or upgrade the schema `projector` and its triggers in the ERP's database.

    Repeat it whenever you like: it changes only what differs. No table of the ERP is altered; each
    trigger waits at most two seconds for its table and is tried again. With --roles the schema belongs
    to projector_owner, and projector_worker may read what the sections read, nothing else of the ERP.
    """
    report = install_projector(Settings.load(), dry_run=dry_run, roles=roles)
    if dry_run:
        for statement in report.statements:
            typer.echo(f"{statement.strip().rstrip(';')};\n")
        return
    for line in _verdict_lines(report.verdicts):
        typer.echo(line)
    if report.changed:
        typer.echo(f"to be rebuilt, because they or what they read changed: {', '.join(report.changed)}")
    typer.echo(f"installed: {report.sections} sections, triggers on {len(report.tables)} tables")
    if broken := report.verdicts.broken:
        raise InstallError(
            f"{len(broken)} sections do not fit this ERP and are left out ({', '.join(broken)}); everything else is"
            " installed and works. Undo the ERP's change, or take a version of projector that fits; then install again."
        )


def _verdict_lines(verdicts: Verdicts) -> Iterator[str]:
    for section, table in verdicts.empty.items():
        yield f"{section} is empty, because this ERP has no table {table}"
    for section, fault in verdicts.kept.items():
        yield f"{section} goes on with its earlier view, because its text does not fit this ERP: {fault}"
    for route, fault in verdicts.routes.items():
        yield f"{route}: every change there rebuilds all documents, because the route cannot be followed: {fault}"
    for section, fault in verdicts.broken.items():
        yield f"{section} is left out and keeps its older bytes, because its text does not fit this ERP: {fault}"


def uninstall(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove the triggers, the schema `projector`, and the documents in Redis.

    Stop the workers first. The ERP's own tables and data stay as they are.
    """
    settings = Settings.load()
    settings.database()
    if not yes:
        _confirm()
    uninstall_projector(settings, typer.echo)
    if settings.redis_url is None:
        typer.echo("documents stay in Redis: PROJECTOR_REDIS_URL is not set", err=True)
        return
    try:
        documents = asyncio.run(forget_documents(settings))
    except RedisUnavailable as error:
        typer.echo(f"documents stay in Redis: {error}", err=True)
    else:
        typer.echo(f"deleted {documents} documents from Redis")


def _confirm() -> None:
    if not sys.stdin.isatty():
        raise BadInput("uninstall asks on a terminal, and this is none. Add --yes.")
    typer.confirm("Remove the projector from this database, and its documents from Redis?", abort=True)

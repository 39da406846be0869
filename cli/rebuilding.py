"""projector rebuild, projector verify: documents made anew, and compared with what is served."""

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.choices import Entity, documents_of, parse_id
from projector.errors import BadInput, ProjectorError
from projector.rebuild import Progress as Rebuilt
from projector.rebuild import rebuild as rebuild_documents
from projector.settings import Settings
from projector.verify import verify as verify_documents

_LINE_SECONDS = 2.0

Entities = Annotated[
    list[Entity] | None,
    typer.Option("--entity", "-e", help="Which documents; may be repeated. Default: all."),
]


def rebuild(
    entity: Entities = None,
    id_: Annotated[
        list[str] | None, typer.Option("--id", help="Only this id (with one --entity); may be repeated.")
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, max=64, help="Builders at the same time.")] = 1,
) -> None:
    """Rebuild documents from the database, and return when they are live.

    Needs no running worker, and disturbs none: whatever is newer stays. Interrupted, it goes on
    where it stopped when a worker runs or the command is repeated.
    """
    ids = [parse_id(text) for text in id_ or ()]
    if ids and len(entity or ()) != 1:
        raise BadInput("--id names documents of one entity. Add --entity product, customer, order or dashboard.")
    settings = Settings.load()
    with _progress() as tell:
        done = uvloop.run(rebuild_documents(settings, documents_of(entity), ids, jobs=jobs, tell=tell))
    if done.failed:
        raise ProjectorError(
            f"{done.failed} sections could not be built and hold older bytes, if any. Run: projector dead-letters list"
        )
    typer.echo(f"rebuilt {done.total} documents")


def verify(
    entity: Entities = None,
    sample: Annotated[
        int | None, typer.Option(min=1, help="Compare so many documents of each kind, chosen at random.")
    ] = None,
    repair: Annotated[bool, typer.Option("--repair", help="Publish what differs anew.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Compare what Redis serves with a fresh build; exit code 1 if anything differs.

    A difference counts when it outlasts a few seconds, so that a running worker is not blamed for
    what it is just about to publish.
    """
    report = uvloop.run(verify_documents(Settings.load(), documents_of(entity), sample=sample, repair=repair))
    if as_json:
        found = [{"key": d.key, "section": d.section, "detail": d.detail} for d in report.differences]
        typer.echo(json.dumps({"compared": report.compared, "repaired": report.repaired, "differences": found},
                              ensure_ascii=False))  # fmt: skip
    else:
        for difference in report.differences:
            typer.echo(str(difference))
        repaired = f", {report.repaired} repaired" if repair else ""
        typer.echo(f"compared {report.compared} documents, {len(report.differences)} differences{repaired}", err=True)
    raise typer.Exit(1 if report.differences else 0)


@contextmanager
def _progress() -> Iterator["_Tell"]:
    """A bar on a terminal, a line now and then in a pipe; both on stderr."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    columns = (TextColumn("rebuilding"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        yield _Bar(bar)


class _Tell:
    def __call__(self, progress: Rebuilt) -> None:
        raise NotImplementedError


class _Bar(_Tell):
    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=None)

    def __call__(self, progress: Rebuilt) -> None:
        self._bar.update(self._task, total=progress.total or None, completed=progress.done)


class _Lines(_Tell):
    def __init__(self) -> None:
        self._next = 0.0

    def __call__(self, progress: Rebuilt) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._next or not progress.remaining:
            self._next = now + _LINE_SECONDS
            typer.echo(f"rebuilt {progress.done} of {progress.total}", err=True)

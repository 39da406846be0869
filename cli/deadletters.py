"""projector dead-letters: sections that could not be built, to look at, to try again, to drop."""

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from cli.choices import Entity, documents_of, parse_id
from cli.manual import epilog
from cli.tables import instant, render
from projector.errors import BadInput
from projector.letters import Choice, Letter, discard_letters, list_letters, retry_letters
from projector.settings import Settings

app = typer.Typer(
    name="dead-letters",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    epilog=epilog("dead-letters"),
    help="List, retry or discard the sections that could not be built.",
)

Entities = Annotated[
    list[Entity] | None, typer.Option("--entity", "-e", help="Only these documents; may be repeated. Default: all.")
]
Ids = Annotated[list[str] | None, typer.Option("--id", help="Only this id (with one --entity); may be repeated.")]
SectionName = Annotated[str | None, typer.Option("--section", "-s", help="Only this section, such as reviews.")]

_HEADINGS = ("document", "id", "section", "attempts", "failed at", "next try", "error")


@app.command("list", epilog=epilog("dead-letters list"))
def list_(
    entity: Entities = None,
    id_: Ids = None,
    section: SectionName = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the letters as JSON.")] = False,
) -> None:
    """Show what could not be built, why, and when it is tried again.

    A letter without id is a section that is broken as a whole: no document of it can be built.
    """
    letters = list_letters(Settings.load(), _choice(entity, id_, section))
    if as_json:
        typer.echo(json.dumps([asdict(letter) for letter in letters], default=instant, ensure_ascii=False))
    elif letters:
        typer.echo(_table(letters))
    else:
        typer.echo("no dead letters", err=True)


@app.command("retry", epilog=epilog("dead-letters retry"))
def retry(entity: Entities = None, id_: Ids = None, section: SectionName = None) -> None:
    """Have letters tried again now instead of when their pause is over.

    A running worker takes them up within a second or two. What fails again stays, and waits longer.
    """
    due = retry_letters(Settings.load(), _choice(entity, id_, section))
    typer.echo(f"{due.letters} dead letters are due now")
    if due.letters and not due.workers:
        typer.echo("No worker runs that could try them. Start one: projector run", err=True)
    if due.left_out:
        typer.echo(f"Not mended by trying: {', '.join(due.left_out)}. Run: projector check", err=True)


@app.command("discard", epilog=epilog("dead-letters discard"))
def discard(
    entity: Entities = None,
    id_: Ids = None,
    section: SectionName = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Drop letters: nothing tries these sections again by itself.

    Their documents keep the older bytes and the mark `degraded` until something else builds the
    section: a change in the ERP, or projector rebuild.
    """
    settings, choice = Settings.load(), _choice(entity, id_, section)
    if not yes:
        _confirm(len(list_letters(settings, choice)))
    typer.echo(f"discarded {discard_letters(settings, choice)} dead letters")


def _choice(entity: list[Entity] | None, ids: list[str] | None, section: str | None) -> Choice:
    numbers = [parse_id(text) for text in ids or ()]
    if numbers and len(entity or ()) != 1:
        raise BadInput("--id names documents of one entity. Add --entity product, customer, order or dashboard.")
    return Choice(documents_of(entity), numbers, section)


def _confirm(letters: int) -> None:
    if not sys.stdin.isatty():
        raise BadInput("discard asks on a terminal, and this is none. Add --yes.")
    typer.confirm(f"Discard {letters} dead letters? Their documents stay degraded.", abort=True)


def _table(letters: list[Letter]) -> str:
    return render(_HEADINGS, [_row(letter) for letter in letters])


def _row(letter: Letter) -> tuple[str, ...]:
    return (
        letter.document,
        "all" if letter.id is None else str(letter.id),
        letter.section,
        str(letter.attempts),
        instant(letter.failed_at),
        "at install" if letter.retry_at is None else instant(letter.retry_at),
        letter.error,
    )

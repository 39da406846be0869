"""projector why, projector impact: what made a document what it is, and what a change would make anew."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import typer
import uvloop

from cli.choices import DateRange, DocumentKind, complete_table, parse_id
from cli.tables import instant, render
from projector.errors import BadInput
from projector.impact import Impact, foresee
from projector.settings import Settings
from projector.why import Origin, Origins, explain

AsJson = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]

_HEADINGS = ("section", "changed at", "bytes", "valid until", "confirmed at", "order", "because of")


def why(
    document: Annotated[DocumentKind, typer.Argument(help="Which kind of document.")],
    id_: Annotated[str, typer.Argument(metavar="ID", help="Its id.")],
    date_range: Annotated[
        DateRange | None, typer.Option("--range", help="Which of a salesperson's dashboards. Default: today.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell where each section of a served document came from.

    When its bytes last changed and because of what (a change event with its table, operation and
    transaction, a rebuild, a timer, …), its size, until when it is valid, and the newest build that
    found it to be so: its moment and its order among the source's transactions. Asks Redis alone.
    """
    if date_range and document is not DocumentKind.dashboard:
        raise BadInput(f"--range is for dashboards, and a {document} has one document. Leave it out.")
    chosen = (date_range or DateRange.today).value if document is DocumentKind.dashboard else None
    found = uvloop.run(explain(Settings.load(), document.value, parse_id(id_, "ID"), chosen))
    if as_json:
        typer.echo(json.dumps(found.as_json(), default=_exact, ensure_ascii=False))
    else:
        typer.echo(_why_lines(found))


def impact(
    table: Annotated[str, typer.Argument(help="A table of the ERP that sections read.", autocompletion=complete_table)],
    id_: Annotated[str, typer.Argument(metavar="ID", help="The id of the row.")],
    columns: Annotated[
        str | None, typer.Option("--columns", help="Only these columns change, separated by commas. Default: any may.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell how many documents a change of one row would rebuild, and about how long that takes.

    Follows the routes that the worker would follow, from the row's present values, in one transaction
    that only reads, and builds a random sample of the documents to see how long that takes. Where the
    change gives the row another key, the documents behind the new value come on top.
    """
    names = [name.strip() for name in (columns or "").split(",") if name.strip()]
    if columns is not None and not names:
        raise BadInput("--columns names no column. Separate names by commas: --columns name,name_ar")
    found = uvloop.run(foresee(Settings.load(), table, parse_id(id_, "ID"), names))
    typer.echo(json.dumps(found.as_json()) if as_json else "\n".join(_impact_lines(found)))


def _why_lines(found: Origins) -> str:
    rows = [_row(origin) for origin in found.sections]
    name = " ".join(map(str, filter(None, (found.document, found.id, found.range))))
    lines = [
        f"{name}, {found.key}, {sum(origin.bytes for origin in found.sections)} bytes",
        "",
        render(_HEADINGS, rows),
    ]
    if degraded := [origin.section for origin in found.sections if origin.degraded]:
        lines += ["", f"degraded, since they cannot be built: {', '.join(degraded)}. See: projector dead-letters list"]
    if found.missing:
        lines += ["", f"not there: {', '.join(found.missing)}"]
    return "\n".join(lines)


def _row(origin: Origin) -> tuple[str, ...]:
    return (
        origin.section,
        instant(origin.built_at),
        str(origin.bytes),
        "" if origin.valid_until is None else instant(origin.valid_until),
        instant(origin.confirmed_at),
        str(origin.version.order),
        "something before causes were kept" if origin.cause is None else str(origin.cause),
    )


def _impact_lines(found: Impact) -> Sequence[str]:
    what = f"{', '.join(found.columns)} of {found.table} {found.id}" if found.columns else f"{found.table} {found.id}"
    if not found.touched:
        return [f"a change of {what} touches no document"]
    rows = [
        (it.document if place == 0 else "", f"{it.documents:,}" if place == 0 else "", section, f"{number:,}")
        for it in found.touched
        for place, (section, number) in enumerate(it.sections.items())
    ]
    lines = [f"a change of {what} rebuilds {found.documents:,} documents", ""]
    lines += [render(("document", "documents", "section", "in documents"), rows), ""]
    sample = ", ".join(f"{it.sampled} of {it.documents:,} {it.document}" for it in found.touched)
    lines.append(f"about {_seconds(found.seconds)} of building, an estimate from a random sample ({sample}).")
    lines.append("Publishing comes on top, some half of that again.")
    if wide := [it.document for it in found.touched if it.documents > found.wide_fanout]:
        lines.append(
            f"More than PROJECTOR_WIDE_FANOUT ({found.wide_fanout:,}) go through the backlog, behind fresh changes:"
            f" {', '.join(wide)}."
        )
    if every := [it.document for it in found.touched if it.every]:
        lines.append(f"A route cannot be followed, so that all count: {', '.join(every)}. Run: projector check")
    return lines


def _seconds(seconds: float) -> str:
    if seconds < 1:
        return f"{max(seconds * 1000, 1):.0f} ms"
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def _exact(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)

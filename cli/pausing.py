"""projector pause, projector resume: capture switched off in an emergency, and on again."""

import psycopg
import typer

from projector.database import connect_blocking
from projector.errors import NotInstalled
from projector.settings import Settings


def pause() -> None:
    """Switch capture off at once: the triggers stay and do nothing.

    For emergencies in which the triggers stand in the ERP's way. It waits for nobody. Documents grow
    stale until: projector resume. Without this program the same is done by SELECT projector.pause().
    """
    _call("pause")
    typer.echo("capture is paused: the ERP's changes are not noticed until you run: projector resume")


def resume() -> None:
    """Switch capture on again, and rebuild everything.

    What changed meanwhile is in no event, so all documents are queued; a worker builds them, behind
    fresh changes. Without this program the same is done by SELECT projector.resume().
    """
    _call("resume")
    typer.echo("capture is on again, and all documents are queued to be rebuilt")


def _call(function: str) -> None:
    with connect_blocking(Settings.load(), function) as connection:
        try:
            connection.execute(f"SELECT projector.{function}()")
        except (psycopg.errors.InvalidSchemaName, psycopg.errors.UndefinedFunction):
            raise NotInstalled("projector is not installed in this database. Run: projector install") from None

"""The command `projector`: its commands, and what a failure looks like."""

import os
import sys
import traceback
from importlib import import_module
from typing import Annotated

import typer
from typer._click import Command, Context
from typer.core import TyperGroup
from typer.main import get_command

from cli.imports import uncollected
from cli.manual import epilog
from projector import __version__, logs
from projector.errors import ProjectorError, one_line

_PLACES = {
    "install": "installation:install",
    "uninstall": "installation:uninstall",
    "pause": "pausing:pause",
    "resume": "pausing:resume",
    "run": "running:run",
    "serve": "running:serve",
    "rebuild": "rebuilding:rebuild",
    "verify": "rebuilding:verify",
    "status": "inspection:status",
    "check": "inspection:check",
    "why": "provenance:why",
    "impact": "provenance:impact",
    "dead-letters": "deadletters:app",
    "demo": "demo:demo",
    "bench": "bench:app",
}
"""Each command's module in this package, and its name there."""


class _Commands(TyperGroup):
    """Imports a command's module when the command is asked for: what only the others need takes a quarter of the time
    that a process starts, and most of it where the command reads nothing."""

    def list_commands(self, ctx: Context) -> list[str]:  # noqa: ARG002 - the library's signature
        return list(_PLACES)

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:  # noqa: ARG002
        """All of them where there is none of this name: the library proposes what was meant."""
        wanted = [cmd_name] if cmd_name in _PLACES else [*_PLACES]
        self.commands.update({name: _load(name) for name in wanted if name not in self.commands})
        return self.commands.get(cmd_name)


def _load(name: str) -> Command:
    module, _, attribute = _PLACES[name].partition(":")
    with uncollected():
        found = getattr(import_module(f"cli.{module}"), attribute)
    if not isinstance(found, typer.Typer):
        command, found = found, typer.Typer(add_completion=False, rich_markup_mode=None)
        found.command(name, epilog=epilog(name))(command)
    return get_command(found)


app = typer.Typer(
    name="projector",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog=epilog(""),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _print_version(value: bool) -> None:
    if value:
        typer.echo(f"projector {__version__}")
        raise typer.Exit


@app.callback()
def projector(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks and log details; may stand anywhere.")
    ] = False,
) -> None:
    """Keeps ready-to-serve JSON documents in Redis in step with a PostgreSQL ERP.

    The servers are named by PROJECTOR_DATABASE_URL and PROJECTOR_REDIS_URL, in the environment or
    in a file .env. Begin with: projector install, then projector run and projector serve.
    """


def main() -> None:
    """Entry point. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    debug = len(arguments) < len(sys.argv) - 1
    if debug:
        os.environ["PROJECTOR_LOG_LEVEL"] = "debug"
    redact = logs.configure()
    try:
        app(args=arguments, prog_name="projector")
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 - told in a line, and by the exit code
        text = traceback.format_exc() if debug else f"error: {_one_line(error)}\n"
        sys.stderr.write(redact(text))
        sys.exit(1)


def _one_line(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    text = one_line(error)
    if isinstance(error, ProjectorError):
        return text
    from projector.trouble import trouble  # it knows both servers' clients, which not every command needs

    if found := trouble(error):
        return f"{found.what} ({text}). {found.remedy}"
    return f"{type(error).__name__}: {text}. Run the command with --debug for the traceback."


if __name__ == "__main__":
    main()

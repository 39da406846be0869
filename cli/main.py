"""The command `projector`: its commands, and what a failure looks like."""

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from cli import bench, deadletters, demo, inspection, installation, pausing, provenance, rebuilding, running
from cli.logs import configure_logging
from cli.manual import epilog
from projector import __version__
from projector.errors import ProjectorError
from projector.trouble import trouble

app = typer.Typer(
    name="projector",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog=epilog(""),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

_COMMANDS: dict[str, Callable[..., None]] = {
    "install": installation.install,
    "uninstall": installation.uninstall,
    "pause": pausing.pause,
    "resume": pausing.resume,
    "run": running.run,
    "serve": running.serve,
    "rebuild": rebuilding.rebuild,
    "verify": rebuilding.verify,
    "status": inspection.status,
    "check": inspection.check,
    "why": provenance.why,
    "impact": provenance.impact,
    "demo": demo.demo,
}

for _name, _function in _COMMANDS.items():
    app.command(_name, epilog=epilog(_name))(_function)
app.add_typer(deadletters.app, name="dead-letters")
app.add_typer(bench.app, name="bench")


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
    configure_logging(debug=debug)
    try:
        app(args=arguments, prog_name="projector")
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if debug:
            raise
        sys.stderr.write(f"error: {_one_line(error)}\n")
        sys.exit(1)


def _one_line(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    text = " ".join(str(error).split())
    if isinstance(error, ProjectorError):
        return text
    if found := trouble(error):
        return f"{found.what} ({text}). {found.remedy}"
    return f"{type(error).__name__}: {text}. Run the command with --debug for the traceback."


if __name__ == "__main__":
    main()

"""The command `projector`: its commands, and what a failure looks like."""

import os
import sys
import traceback
from typing import Annotated

import typer

from cli import bench, deadletters, demo, inspection, installation, pausing, rebuilding, running
from projector import __version__, logs
from projector.errors import ProjectorError
from projector.trouble import trouble

app = typer.Typer(
    name="projector",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

app.command("install")(installation.install)
app.command("uninstall")(installation.uninstall)
app.command("pause")(pausing.pause)
app.command("resume")(pausing.resume)
app.command("run")(running.run)
app.command("serve")(running.serve)
app.command("rebuild")(rebuilding.rebuild)
app.command("verify")(rebuilding.verify)
app.command("status")(inspection.status)
app.command("check")(inspection.check)
app.add_typer(deadletters.app, name="dead-letters")
app.command("demo")(demo.demo)
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
    text = " ".join(str(error).split())
    if isinstance(error, ProjectorError):
        return text
    if found := trouble(error):
        return f"{found.what} ({text}). {found.remedy}"
    return f"{type(error).__name__}: {text}. Run the command with --debug for the traceback."


if __name__ == "__main__":
    main()

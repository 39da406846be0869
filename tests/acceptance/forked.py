"""Commands without the start of an interpreter: each in a process of its own, forked from one that has imported the
command line and done nothing else. Imports for every single command were a sixth of the time of all tests."""

import atexit
import os
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import get_context
from multiprocessing.connection import wait
from pathlib import Path
from pkgutil import iter_modules
from subprocess import TimeoutExpired
from tempfile import TemporaryDirectory
from threading import Lock

import cli
from cli.main import main

_FORKS = get_context("forkserver")
_FORKS.set_forkserver_preload([f"cli.{module.name}" for module in iter_modules(cli.__path__)])
_ONE_ASKS = Lock()
"""Starting a process asks all others for their exit codes, and each can be read once."""


def run(arguments: Sequence[str], environment: Mapping[str, str], folder: Path, seconds: float) -> tuple[int, str, str]:
    """The exit code of `projector <arguments>`, or the signal that ended it, negative, and what it wrote to stdout and
    stderr; TimeoutExpired, and it is killed, where it takes longer."""
    with TemporaryDirectory() as place:
        outputs = Path(place, "out"), Path(place, "err")
        process = _FORKS.Process(target=_become, args=(arguments, dict(environment), folder, *outputs))
        with _ONE_ASKS:
            process.start()
        wait([process.sentinel], seconds)
        with _ONE_ASKS:
            code = process.exitcode
        if code is None:
            process.kill()
            raise TimeoutExpired(list(arguments), seconds)
        return code, *(output.read_text() for output in outputs)


def _become(arguments: Sequence[str], environment: Mapping[str, str], folder: Path, out: Path, err: Path) -> None:
    for number, path, flags in ((0, Path(os.devnull), os.O_RDONLY), (1, out, os.O_WRONLY), (2, err, os.O_WRONLY)):
        os.dup2(os.open(path, flags | (os.O_CREAT if flags else 0)), number)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - multiprocessing has put another one there
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["projector", *arguments]
    try:
        main()
    finally:
        atexit._run_exitfuncs()  # as an interpreter does, and multiprocessing does not

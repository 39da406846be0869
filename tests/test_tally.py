"""Tallies count every value once, and the pulse judges by its own clock."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from api import tally as api_tally
from api.app import create_app
from api.metrics import ApiMetrics
from api.routes import PATHS
from projector import pulse
from projector.pulse import Pulse
from projector.settings import Settings
from projector.tally import Buckets


@given(st.lists(st.floats(0, 1_000)), st.floats(0, 10))
def test_each_value_is_in_the_first_bucket_that_reaches_it(values: list[float], plus: float) -> None:
    buckets = Buckets()
    buckets.observe(values, plus)
    assert sum(buckets.counts) == len(values)
    for place, bound in enumerate(buckets.bounds):
        assert sum(buckets.counts[: place + 1]) == sum(value <= bound - plus for value in values)
    assert buckets.sum == pytest.approx(sum(values) + plus * len(values))


def test_a_pulse_is_late_only_where_heartbeats_were_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_000.0]
    monkeypatch.setattr(pulse.time, "monotonic", lambda: now[0])
    felt = Pulse()
    now[0] += 100
    assert not felt.is_late(30)
    felt.observe(5)
    assert not felt.is_late(30)
    now[0] += 31
    assert felt.is_late(30)
    assert not felt.is_late(0)
    felt.observe(5)
    assert felt.is_late(30), "the same one again is none"
    felt.observe(4)
    assert not felt.is_late(30), "a clock that was put back"
    felt.observe(None)
    now[0] += 100
    assert not felt.is_late(30), "nobody sends any"


def test_every_address_of_the_api_is_counted_apart() -> None:
    app = create_app(Settings(redis_url=SecretStr("redis://127.0.0.1:1/0")))
    assert {route.path for route in app.routes} == set(PATHS)


def test_what_ended_processes_counted_is_kept_and_their_files_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tally = api_tally.Tally(PATHS, api_tally.shared_memory(tmp_path))
    tally.routes["/docs"].count(200, time.perf_counter_ns())
    tally.routes["/docs"].count(999, time.perf_counter_ns())
    tally.set(near_cache_bytes=7)
    metrics = ApiMetrics(tmp_path, PATHS)
    assert _values(metrics, "projector_api_near_cache_bytes") == [7]
    long_after = time.time_ns() + 61 * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: long_after)
    for _ in range(2):
        assert _values(metrics, "projector_api_requests") == [1, 1]
        assert _values(metrics, "projector_api_near_cache_bytes") == [0]
        assert _values(metrics, "projector_api_processes") == [0]
    assert list(tmp_path.iterdir()) == []


def _values(metrics: ApiMetrics, name: str) -> list[float]:
    return [sample.value for family in metrics.collect() if family.name == name for sample in family.samples]

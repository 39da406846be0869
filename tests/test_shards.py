"""What a URL of Redis names, and where a cluster's state lies."""

import pytest
from redis.asyncio.cluster import ClusterNode

from projector.shards import SLOTS, SLOTS_PER_STATE, cluster_state_keys, is_cluster, servers, slot_of, with_address


@pytest.mark.parametrize(
    ("url", "each"),
    [
        ("redis://host:6379/0", ["redis://host:6379/0"]),
        ("unix:///run/a,b.sock", ["unix:///run/a,b.sock"]),
        ("rediss://u:p%40,@a:1,b,[::1]:3/0?x=1", [f"rediss://u:p%40,@{it}/0?x=1" for it in ("a:1", "b", "[::1]:3")]),
    ],
)
def test_servers_are_separated_by_commas_and_share_everything_else(url: str, each: list[str]) -> None:
    assert servers(url) == each


def test_another_server_is_asked_as_the_named_one_is() -> None:
    assert with_address("rediss://u:p@a:1/0", "b", 2) == "rediss://u:p@b:2/0"
    assert with_address("redis://a:1", "::1", 2) == "redis://[::1]:2"
    assert with_address("redis://a:1", "", 2) == "redis://a:2"


def test_every_64_slots_have_a_state_key_in_the_first_of_them() -> None:
    keys = cluster_state_keys()
    assert list(keys) == list(range(0, SLOTS, SLOTS_PER_STATE))
    assert [slot_of(key) for key in keys.values()] == list(keys)


@pytest.mark.parametrize(
    ("greeting", "answer"),
    [
        ({b"mode": b"cluster"}, True),
        ([b"server", b"valkey", b"mode", b"cluster"], True),
        ({b"mode": b"standalone"}, False),
        (b"PONG", False),
    ],
)
def test_a_server_says_itself_whether_it_belongs_to_a_cluster(greeting: object, answer: bool) -> None:
    assert is_cluster(greeting) is answer


@pytest.mark.parametrize("idle", [1, 2, 3, 4])
def test_a_redirected_command_takes_the_connection_that_asked_for_it(idle: int) -> None:
    node = ClusterNode("127.0.0.1", 1)
    for connection in [node.acquire_connection() for _ in range(idle)]:
        node.release(connection)
    asking = node.acquire_connection()
    node.release(asking)
    assert node.acquire_connection() is asking

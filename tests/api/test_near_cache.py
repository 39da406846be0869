"""The near cache by itself: what it keeps, what it drops, and that it never goes back."""

import itertools

import pytest

from api.answers import Answer
from api.endpoints import CUSTOMER_FINANCIAL, CUSTOMER_ORDERS, CUSTOMER_QUICK, PRODUCT_COMPLETE
from api.near_cache import REMEMBERED_DOCUMENTS, Entry, NearCache
from api.templates import Question
from api.versions import Stamp
from tests.api.store import version

QUICK = Question(CUSTOMER_QUICK, (7,))
FINANCIAL = Question(CUSTOMER_FINANCIAL, (7,))
MEGABYTE = 1_048_576


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(clock: Clock) -> NearCache:
    """A near cache whose change messages arrive."""
    cache = NearCache(MEGABYTE, 3600, clock)
    cache.opened()
    return cache


def stamp(order: int, built_us: int | None = None, sections: int = 5) -> Stamp:
    text = version(order, order if built_us is None else built_us).encode()
    return Stamp((text,) * sections, None, None)


def tombstone(order: int) -> Stamp:
    return Stamp((None,) * 5, None, version(order, order).encode())


ABSENT = Stamp((None,) * 5, None, None)


def answer(text: str = "x", size: int = 100) -> Answer:
    return Answer(200, text.encode() * size, (b'"tag"',))


def fetch(cache: NearCache, question: Question, found: Stamp) -> Entry | None:
    """Redis is asked and replies at once; the answer is kept if the state is admitted."""
    cache.sending()
    entry = cache.admit(question.key, found)
    if entry is not None:
        cache.add(question, entry, answer())
    return entry


def test_what_was_fetched_is_found(cache: NearCache) -> None:
    fetch(cache, QUICK, stamp(1))
    assert cache.find(QUICK) is not None
    assert cache.find(FINANCIAL) is None


def test_a_change_drops_every_address_of_its_document_and_no_other(cache: NearCache) -> None:
    other = Question(CUSTOMER_QUICK, (8,))
    for question in (QUICK, FINANCIAL, other):
        fetch(cache, question, stamp(1))
    cache.change(QUICK.key)
    assert [cache.find(question) is None for question in (QUICK, FINANCIAL, other)] == [True, True, False]


def test_a_reply_whose_document_changed_in_flight_is_not_kept(cache: NearCache) -> None:
    cache.sending()
    cache.change(QUICK.key)
    entry = cache.admit(QUICK.key, stamp(1))
    assert entry is not None
    cache.add(QUICK, entry, answer())
    assert cache.find(QUICK) is None
    fetch(cache, QUICK, stamp(2))
    assert cache.find(QUICK) is not None


def test_a_batch_of_another_shard_does_not_make_a_change_in_flight_forgotten(cache: NearCache) -> None:
    cache.sending("one")
    cache.change(QUICK.key)
    cache.sending("other")
    cache.observe(b"mark", "other")
    cache.landed("other")
    cache.observe(b"mark", "one")
    entry = cache.admit(QUICK.key, stamp(1))
    assert entry is not None
    cache.add(QUICK, entry, answer())
    assert cache.find(QUICK) is None


def test_each_shard_has_a_mark_of_its_own(cache: NearCache) -> None:
    """What was kept stays fresh while shards with different marks reply in turn, until one of them is another."""
    for shard in ("one", "other"):
        cache.observe(shard.encode(), shard)
    fetch(cache, QUICK, stamp(1))
    for shard in ("one", "other"):
        cache.observe(shard.encode(), shard)
    assert cache.find(QUICK) is not None
    cache.observe(b"emptied", "other")
    assert cache.find(QUICK) is None


def test_an_answer_made_after_its_document_changed_is_not_kept(cache: NearCache) -> None:
    """The reply was there in time, the change came before the answer was made of it."""
    cache.sending()
    entry = cache.admit(QUICK.key, stamp(1))
    assert entry is not None
    cache.change(QUICK.key)
    cache.add(QUICK, entry, answer())
    assert cache.find(QUICK) is None
    assert cache.size == 0


def test_nothing_is_fresh_while_change_messages_may_be_missed(cache: NearCache) -> None:
    fetch(cache, QUICK, stamp(1))
    cache.closed()
    assert cache.find(QUICK) is None
    fetch(cache, QUICK, stamp(1))
    assert cache.find(QUICK) is None
    cache.opened()
    assert cache.find(QUICK) is None, "a change between may have been missed"
    fetch(cache, QUICK, stamp(1))
    assert cache.find(QUICK) is not None


def test_a_reply_that_was_asked_for_before_the_subscription_is_not_kept_as_fresh(cache: NearCache) -> None:
    cache.closed()
    cache.sending()
    cache.opened()
    entry = cache.admit(QUICK.key, stamp(1))
    assert entry is not None
    cache.add(QUICK, entry, answer())
    assert cache.find(QUICK) is None


def test_a_redis_that_was_filled_anew_makes_nothing_fresh(cache: NearCache) -> None:
    """Change messages of what was deleted in between were never sent."""
    cache.observe(b"one")
    fetch(cache, QUICK, stamp(1))
    assert cache.find(QUICK) is not None
    cache.observe(None)
    assert cache.find(QUICK) is None


def test_a_newer_state_at_one_address_drops_the_others(cache: NearCache) -> None:
    """Before the message says so: the reply overtook it."""
    fetch(cache, QUICK, stamp(1))
    fetch(cache, FINANCIAL, stamp(2))
    assert cache.find(QUICK) is None
    assert cache.find(FINANCIAL) is not None


def test_the_same_state_at_another_address_keeps_the_others(cache: NearCache) -> None:
    fetch(cache, QUICK, stamp(1))
    fetch(cache, FINANCIAL, stamp(1))
    assert None not in (cache.find(QUICK), cache.find(FINANCIAL))


@pytest.mark.parametrize("where", ["kept", "changed", "never kept"])
@pytest.mark.parametrize(
    ("known", "older"),
    [
        (stamp(2), stamp(1)),
        (Stamp((*stamp(1).versions[:4], *stamp(2).versions[:1]), None, None), stamp(1)),
        (stamp(2), tombstone(1)),
        (tombstone(2), stamp(1)),
        (tombstone(2), tombstone(1)),
        (stamp(1), ABSENT),
        (stamp(1), Stamp((None, *stamp(1).versions[1:]), None, None)),
    ],
)
def test_an_older_state_is_not_admitted(known: Stamp, older: Stamp, where: str, clock: Clock) -> None:
    cache = NearCache(0 if where == "never kept" else MEGABYTE, 3600, clock)
    cache.opened()
    fetch(cache, QUICK, known)
    if where == "changed":
        cache.change(QUICK.key)
    assert fetch(cache, FINANCIAL, older) is None
    assert fetch(cache, FINANCIAL, known) is not None


@pytest.mark.parametrize(
    ("known", "found"),
    [
        (stamp(1), stamp(2)),
        (stamp(2, built_us=5), stamp(1, built_us=5)),
        (stamp(1), tombstone(2)),
        (tombstone(1), stamp(2)),
        (tombstone(1), ABSENT),
        (ABSENT, stamp(1)),
        (stamp(1), Stamp((None, *stamp(2).versions[1:]), None, None)),
        (stamp(1), Stamp(stamp(1).versions, b'["name"]', None)),
    ],
)
def test_another_state_that_is_not_older_is_admitted(known: Stamp, found: Stamp, cache: NearCache) -> None:
    """Equal times of change mean equal bytes, whatever snapshot fenced them."""
    fetch(cache, QUICK, known)
    assert fetch(cache, QUICK, found) is not None
    assert fetch(cache, FINANCIAL, found) is not None


def test_a_document_may_be_gone_once_its_tombstone_would_have_expired(cache: NearCache, clock: Clock) -> None:
    fetch(cache, QUICK, stamp(1))
    cache.change(QUICK.key)
    clock.now += 3599
    assert fetch(cache, QUICK, ABSENT) is None
    clock.now += 1
    assert fetch(cache, QUICK, ABSENT) is not None


def test_a_document_may_be_gone_from_a_redis_that_was_filled_anew(cache: NearCache) -> None:
    cache.observe(b"one")
    fetch(cache, QUICK, stamp(1))
    cache.observe(b"two")
    assert fetch(cache, QUICK, ABSENT) is not None


def test_what_is_stale_says_since_when(cache: NearCache, clock: Clock) -> None:
    fetch(cache, QUICK, stamp(1))
    clock.now += 100
    cache.confirm(clock.now)
    cache.closed()
    clock.now += 7.9
    found = cache.find_stale(QUICK)
    assert found is not None
    assert found[1] == 7
    assert cache.find_stale(FINANCIAL) is None


def test_it_stays_within_its_bytes_and_drops_what_was_not_read_the_longest(cache: NearCache) -> None:
    questions = [Question(PRODUCT_COMPLETE, (n, True, True)) for n in range(1000)]
    for question in questions:
        fetch(cache, question, stamp(1))
        assert cache.find(questions[0]) is not None
        assert cache.size <= MEGABYTE
    kept = [question for question in questions if cache.find(question)]
    assert kept == [questions[0], *questions[-len(kept) + 1 :]]
    assert len(kept) > 100


def test_compressed_bodies_count(cache: NearCache) -> None:
    entry = fetch(cache, QUICK, stamp(1))
    assert entry is not None
    made = answer("text", 500)
    cache.add(QUICK, entry, made)
    before = cache.size
    grown = len(made.represented(b"gzip").body) + len(made.represented(b"zstd").body)
    cache.count(QUICK, made)
    assert cache.size >= before + grown
    cache.change(QUICK.key)
    assert cache.size == 0


def test_one_document_cannot_fill_it_with_variants(cache: NearCache) -> None:
    for limit, status in itertools.product(range(1, 101), ("a", "b")):
        fetch(cache, Question(CUSTOMER_ORDERS, (7, limit, status)), stamp(1, sections=1))
    assert cache.size < 64 * 3_000 + 3_000
    long = Question(CUSTOMER_ORDERS, (7, 1, "x" * 65))
    fetch(cache, long, stamp(1, sections=1))
    assert cache.find(long) is None


def test_strange_ids_do_not_displace_documents(cache: NearCache) -> None:
    fetch(cache, QUICK, stamp(1))
    strange = [Question(CUSTOMER_QUICK, (n,)) for n in range(1_000, 2_000)]
    for question in strange:
        fetch(cache, question, ABSENT)
    assert cache.find(QUICK) is not None
    assert cache.find(strange[-1]) is not None
    assert len(cache) == 1 + MEGABYTE // 16_384


def test_states_are_remembered_for_a_bounded_number_of_documents(clock: Clock) -> None:
    cache = NearCache(0, 3600, clock)
    for n in range(REMEMBERED_DOCUMENTS + 1):
        fetch(cache, Question(CUSTOMER_QUICK, (n,)), stamp(2))
    assert fetch(cache, Question(CUSTOMER_QUICK, (1,)), stamp(1)) is None
    assert fetch(cache, Question(CUSTOMER_QUICK, (0,)), stamp(1)) is not None

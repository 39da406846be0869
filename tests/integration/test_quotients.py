"""Percentages and averages are rounded once, however large they are."""

from decimal import Decimal
from fractions import Fraction
from random import Random

import psycopg

from projector.oracle.values import rounded
from projector.settings import Settings


def test_a_quotient_of_amounts_is_rounded_from_its_exact_value(installed: Settings, erp: psycopg.Connection) -> None:
    """Small and large ones, of which PostgreSQL's own quotient has too few decimals, and ties."""
    random = Random(3)
    pairs = [(Decimal("0.005"), Decimal(1))]
    for digits in range(1, 18):
        pairs += [(_amount(random, digits) * 100, _amount(random, random.randint(1, 7))) for _ in range(300)]
    found = erp.execute(
        "SELECT round(projector.quotient(part, whole), 2) FROM unnest(%s::numeric[], %s::numeric[])"
        " WITH ORDINALITY AS pairs (part, whole, place) ORDER BY place",
        [list(each) for each in zip(*pairs, strict=True)],
    ).fetchall()
    exact = [rounded(Fraction(part) / Fraction(whole), 2) for part, whole in pairs]
    assert [value for (value,) in found] == exact


def _amount(random: Random, digits: int) -> Decimal:
    return Decimal(random.randrange(1, 10**digits)).scaleb(-2)

"""Which rights an installation needs, and that without them it leaves nothing behind."""

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from tests.acceptance.catalog import is_untouched
from tests.acceptance.commands import Projector
from tests.acceptance.databases import url_of

FULL = (
    "GRANT CREATE ON DATABASE {database} TO {role}",
    "GRANT SELECT, TRIGGER ON ALL TABLES IN SCHEMA public TO {role}",
)


def _grant(url: str, role: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        names = {"database": Identifier(connection.info.dbname), "role": Identifier(role)}
        for statement in statements:
            connection.execute(SQL(statement).format(**names))


@pytest.mark.parametrize(
    ("taken", "words"),
    [
        ("REVOKE CREATE ON DATABASE {database} FROM {role}", ("CREATE", "schema")),
        ("REVOKE TRIGGER ON sales_items FROM {role}", ("sales_items", "TRIGGER")),
        ("REVOKE SELECT ON customers FROM {role}", ("customers", "SELECT")),
        ("REVOKE TRIGGER ON reviews FROM {role}", ("reviews", "TRIGGER")),
    ],
)
def test_a_missing_right_is_named_with_its_role_and_nothing_is_half_done(
    taken: str, words: tuple[str, ...], projector: Projector, erp_url: str, role: str
) -> None:
    _grant(erp_url, role, *FULL, taken)
    line = projector("install", PROJECTOR_DATABASE_URL=url_of(erp_url, role)).refusal()
    assert [word for word in (role, *words) if word not in line] == [], line
    assert is_untouched(erp_url)


def test_to_read_the_tables_and_to_add_triggers_and_a_schema_is_enough_for_every_command(
    projector: Projector, erp_url: str, role: str
) -> None:
    """No superuser, and no owner of the ERP's tables."""
    _grant(erp_url, role, *FULL)
    projector = projector.given(PROJECTOR_DATABASE_URL=url_of(erp_url, role))
    answers = [projector("install"), projector("rebuild"), *projector.each([("verify",), ("status",), ("check",)])]
    assert [answer for answer in answers if answer.code] == []
    _grant(erp_url, role, "REVOKE TRIGGER ON ALL TABLES IN SCHEMA public FROM {role}")
    with psycopg.connect(erp_url, autocommit=True) as connection:
        connection.execute("UPDATE products SET name = 'still captured' WHERE id = 1")
    assert projector("rebuild", "--entity", "product").code == 0

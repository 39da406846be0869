"""Whose fault an error is: the connection's or server's, so that the same read succeeds later, or the data's."""

import psycopg
import pytest
from psycopg.errors import lookup

from projector.database import is_fault_of_data

SERVER = {
    "08006": "connection failure", "28000": "login", "40001": "serialisation", "40P01": "deadlock",
    "53100": "disk full", "53200": "out of memory", "53300": "too many connections", "55006": "object in use",
    "55P03": "lock not available", "57P01": "admin shutdown", "57P02": "crash shutdown", "57P03": "cannot connect now",
    "58000": "system error", "58030": "I/O error", "72000": "snapshot too old", "25P03": "idle in transaction",
    "25P04": "transaction time-out", "F0000": "configuration file",
}  # fmt: skip
DATA = {
    "57014": "statement time-out", "53400": "limit on temporary files", "21000": "two rows of a subquery",
    "22012": "division by zero", "22003": "numeric overflow", "22P02": "invalid JSON", "22P05": "escaped NUL",
    "42P01": "no such view", "42703": "no such column", "42501": "no right", "0A000": "another result type",
    "26000": "no such prepared statement", "54000": "a row too large", "54001": "nested too deeply",
    "55000": "a materialised view without content", "25006": "a view that writes", "P0001": "raised by the ERP",
    "XX001": "a damaged page", "XX000": "internal", "39000": "an external routine", "HV000": "a foreign table",
}  # fmt: skip


@pytest.mark.parametrize("code", SERVER)
def test_the_servers_faults_are_nobodys_row(code: str) -> None:
    assert not is_fault_of_data(lookup(code)())


@pytest.mark.parametrize("code", DATA)
def test_what_fewer_rows_or_another_section_cure_is_the_datas_fault(code: str) -> None:
    assert is_fault_of_data(lookup(code)())


def test_a_lost_connection_has_no_code_and_is_nobodys_row() -> None:
    assert not is_fault_of_data(psycopg.OperationalError("server closed the connection unexpectedly"))
    assert not is_fault_of_data(psycopg.InterfaceError("the connection is closed"))

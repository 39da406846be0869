"""Who may open the status page, and what it lets a browser do."""

import re

import pytest
from starlette.requests import Request

from projector.ops.access import OWN_HEADER, require_own_header, require_permitted
from projector.ops.page import page, policy
from projector.settings import Settings

HERE = "127.0.0.1"


def request(client: str = HERE, **headers: str) -> Request:
    given = {"host": "127.0.0.1:9100"} | {name.replace("_", "-"): value for name, value in headers.items()}
    raw = [(name.encode(), value.encode()) for name, value in given.items()]
    return Request({"type": "http", "method": "GET", "path": "/ops", "client": (client, 1), "headers": raw})


@pytest.mark.parametrize(
    ("client", "host", "names", "may"),
    [
        (HERE, "127.0.0.1:9100", None, True),
        (HERE, "localhost:9100", None, True),
        (HERE, "LOCALHOST", None, True),
        ("::1", "[::1]:9100", None, True),
        ("::ffff:127.0.0.1", "127.0.0.1", None, True),
        (HERE, "evil.example:9100", None, False),  # a name that its owner points here
        (HERE, "localhost.evil.example", None, False),
        (HERE, "", None, False),
        (HERE, "[", None, False),
        ("10.0.0.9", "10.0.0.5:9100", None, False),
        ("10.0.0.9", "127.0.0.1:9100", None, False),
        ("10.0.0.9", "worker-1:9100", "worker-1, 10.0.0.5", True),
        ("10.0.0.9", "10.0.0.5:9100", "worker-1, 10.0.0.5", True),
        ("10.0.0.9", "evil.example", "worker-1, 10.0.0.5", False),
        (HERE, "127.0.0.1:9100", "worker-1", True),
    ],
)
def test_only_this_machine_and_named_hosts_are_answered(client: str, host: str, names: str | None, may: bool) -> None:
    refusal = require_permitted(Settings(ops_hosts=names), request(client, host=host))
    assert (refusal is None) == may
    assert refusal is None or refusal.status_code == 403


def test_what_a_proxy_of_this_machine_forwards_is_somebody_elses() -> None:
    for header in ("x_forwarded_for", "forwarded"):
        forwarded = request(**{header: "127.0.0.1"})
        assert require_permitted(Settings(), forwarded) is not None
        assert require_permitted(Settings(ops_hosts="127.0.0.1"), forwarded) is None


@pytest.mark.parametrize(
    ("headers", "may"),
    [
        ({OWN_HEADER: "page"}, True),
        ({OWN_HEADER: "page", "origin": "http://127.0.0.1:9100", "sec_fetch_site": "same-origin"}, True),
        ({}, False),
        ({OWN_HEADER: "page", "origin": "https://evil.example"}, False),
        ({OWN_HEADER: "page", "origin": "http://127.0.0.1:8000"}, False),
        ({OWN_HEADER: "page", "origin": "null"}, False),
        ({OWN_HEADER: "page", "sec_fetch_site": "cross-site"}, False),
        ({OWN_HEADER: "page", "sec_fetch_site": "same-site"}, False),
    ],
)
def test_only_the_page_itself_may_ask(headers: dict[str, str], may: bool) -> None:
    assert (require_own_header(request(**headers)) is None) == may


def test_the_page_names_no_other_address_and_its_policy_allows_none() -> None:
    html = page().decode()
    assert "/* script */" not in html
    assert "/* style */" not in html
    assert set(re.findall(r"\bhttps?://[^\s\"']+", html)) == {"http://www.w3.org/2000/svg"}, "a name, not an address"
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|\son\w+=|\sstyle=", html)
    assert policy().startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy()

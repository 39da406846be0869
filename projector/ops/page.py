"""The page itself: markup, style and script are files of this package, sent as one answer that needs no other."""

import base64
import functools
import hashlib
from pathlib import Path

_ASSETS = Path(__file__).parent / "assets"
_SCRIPTS = ("parts.js", "charts.js", "views.js", "documents.js", "stream.js")


@functools.cache
def page() -> bytes:
    """The HTML."""
    html = _read("page.html").replace("/* style */", _style()).replace("/* script */", _script())
    return html.encode()


@functools.cache
def policy() -> str:
    """Content-Security-Policy: this one style and this one script, requests to this port, and nothing else at all."""
    return (
        f"default-src 'none'; script-src {_digest(_script())}; style-src {_digest(_style())}; connect-src 'self';"
        " img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


@functools.cache
def _style() -> str:
    return _read("page.css")


@functools.cache
def _script() -> str:
    return '"use strict";\n' + "\n".join(map(_read, _SCRIPTS))


def _read(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

"""Redaction: what must not be read in a log line, whoever wrote it there."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from pydantic import SecretStr

from projector.settings import Settings

MASK: Final = "***"
SHORTEST_KNOWN: Final = 4
"""Characters. What is shorter is found in every other word, and masked by its place in a URL alone."""

_PATTERNS: Final = (
    (re.compile(r"(\w+://[^\s:/@]*):[^\s/]*@"), rf"\1:{MASK}@"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), rf"\1 {MASK}"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), MASK),
    (re.compile(r"(?i)\b(\w*(?:password|passwd|secret|token|api_?key))(=|%3D)[^\s&,;'\"]+"), rf"\1\2{MASK}"),
)
"""Passwords in URLs, authorization headers, signed tokens, and parameters that say what they are."""


def redactor(secrets: Iterable[str]) -> Callable[[str], str]:
    """Masks these secrets, and whatever looks like one."""
    known = sorted({secret for secret in secrets if len(secret) >= SHORTEST_KNOWN}, key=len, reverse=True)
    exact = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, known))})(?!\w)") if known else None

    def redact(text: str) -> str:
        if exact is not None:
            text = exact.sub(MASK, text)
        for pattern, masked in _PATTERNS:
            text = pattern.sub(masked, text)
        return text

    return redact


def secrets_of(settings: Settings) -> set[str]:
    """Each password and key of the settings, in every form in which a message could have it."""
    texts = {_text(settings.api_jwt_secret)}
    for urls in (_text(settings.database_url), _text(settings.redis_url)):
        for url in urls.split(","):
            texts.update(_passwords(url))
    return {form for text in texts if text for form in (text, unquote(text), quote(text, safe=""))}


def _passwords(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
        yield parts.password or ""
        yield from (value for name, value in parse_qsl(parts.query) if "password" in name)
    except ValueError:  # no URL, as whoever uses it will say
        return


def _text(secret: SecretStr | None) -> str:
    return "" if secret is None else secret.get_secret_value()

"""Who may open the status page: it shows documents, and has a button.

A page of somebody else's, open in the operator's browser, can send requests to this port, too. Under a name that it
points here (DNS rebinding) it could read the answers: only names that are known are answered to. Without that it can
only send: what does anything needs a header that no page may send elsewhere unasked.
"""

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from projector.loopback import is_loopback
from projector.settings import Settings

OWN_HEADER: Final = "projector-ops"
HEADERS: Final = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def require_permitted(settings: Settings, request: Request) -> Response | None:
    """A refusal, unless this client may see the page: this machine under its own names, or whoever asks under a name of
    PROJECTOR_OPS_HOSTS."""
    name = _host_name(request.headers.get("host", ""))
    comes_from_here = _comes_from_here(request)
    if name in settings.ops_names or (comes_from_here and is_this_machine(name)):
        return None
    if not comes_from_here and not settings.ops_names:
        return _refusal("The status page is for this machine alone. Come through ssh -L or kubectl port-forward, or set"
                        " PROJECTOR_OPS_HOSTS.")  # fmt: skip
    return _refusal(f"The status page is not opened under this name ({name}). Ask for localhost, or name it in"
                    " PROJECTOR_OPS_HOSTS.")  # fmt: skip


def require_own_page(request: Request) -> Response | None:
    """A refusal where a browser says that another site's page asks."""
    origin = request.headers.get("origin")
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none") or (
        origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    ):
        return _refusal("Only the status page itself may ask for this.")
    return None


def require_own_header(request: Request) -> Response | None:
    """The same where browsers say nothing; a page of another site would have to ask before it may send this header."""
    if OWN_HEADER not in request.headers:
        return _refusal(f"Only the status page itself may ask for this: the header {OWN_HEADER} is missing.")
    return require_own_page(request)


def _comes_from_here(request: Request) -> bool:
    """Not where a proxy of this machine says that it asks for somebody else."""
    forwarded = "forwarded" in request.headers or "x-forwarded-for" in request.headers
    return not forwarded and is_this_machine(request.client.host if request.client else "")


def is_this_machine(host: str) -> bool:
    """A loopback address also where it stands in one of IPv6."""
    try:
        mapped = getattr(ipaddress.ip_address(host), "ipv4_mapped", None)
    except ValueError:
        mapped = None
    return is_loopback(str(mapped or host))


def _host_name(host: str) -> str:
    """Without the port, in lower case."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _refusal(why: str) -> Response:
    return PlainTextResponse(f"{why}\n", 403, headers=HEADERS)

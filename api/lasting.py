"""What answers that go on for long and the server that carries them have agreed on."""

from typing import Final

from starlette.types import Receive

END: Final = "end"
"""In the state of a request whose answer goes on: what the server calls when it begins to stop."""


class HangUp(Exception):
    """The connection is to be cut at once, whatever is still to be sent on it."""


async def until_gone(receive: Receive) -> None:
    """Returns when the client has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass

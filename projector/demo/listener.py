"""What an app would hear during the demo: the events of the home page, a dashboard and some products."""

import http.client
import json
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import urlsplit

from projector.errors import ProjectorError

ADDRESSES: Final = {
    "home": "home",
    "salesperson/1/dashboard": "salesperson/dashboard?salesperson_id=1",
    **{f"products/{number}": f"products/{number}/complete" for number in range(1, 21)},
}
"""What is listened to: keys, and the addresses that they stand for."""
_LEVEL_WITHIN_SECONDS: Final = 10.0


class Listener:
    """One stream of events, read in a thread of its own."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.count = 0
        """Events so far."""
        self.etags: dict[str, str | None] = {}
        """The newest that was told of each key."""

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Opens the stream, and closes it at the end."""
        connection = http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=60)
        connection.request("GET", f"/api/mobile/events?keys={','.join(ADDRESSES)}")
        thread = threading.Thread(target=self._read, args=(connection.getresponse(),), daemon=True)
        thread.start()
        try:
            yield
        finally:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)
            thread.join()
            connection.close()

    def judge(self) -> int:
        """How many keys were told as a GET answers them now; ProjectorError where one is not within a while."""
        deadline = time.monotonic() + _LEVEL_WITHIN_SECONDS
        while True:
            wrong = [key for key, path in ADDRESSES.items() if self.etags.get(key) != self._etag(path)]
            if not wrong:
                return len(ADDRESSES)
            if time.monotonic() > deadline:
                raise ProjectorError(f"The stream of events does not tell how {wrong[0]} is. Look into the API's log.")
            time.sleep(0.1)

    def _read(self, stream: http.client.HTTPResponse) -> None:
        with suppress(OSError, ValueError, http.client.HTTPException, AttributeError):
            for line in stream:
                if line.startswith(b"data: "):
                    self._note(json.loads(line.removeprefix(b"data: ")))

    def _note(self, data: dict[str, Any]) -> None:
        if "etag" in data:
            self.count += 1
            self.etags[data["key"]] = data["etag"]

    def _etag(self, path: str) -> str | None:
        try:
            with urllib.request.urlopen(f"{self.address}/api/mobile/{path}") as answer:  # noqa: S310 - our own API
                found: str | None = answer.headers["etag"]
        except HTTPError as error:
            with error:
                found = None
        return found

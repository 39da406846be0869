"""TLS in front of servers that were built without it: a relay with a certificate of its own."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

_GSS_REQUEST, _TLS_REQUEST = (80_877_104).to_bytes(4, "big"), (80_877_103).to_bytes(4, "big")


def make_certificate(folder: Path) -> Path:
    """For localhost, signed by itself: the certificate's file is what a client trusts. The key lies beside it."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path = folder / "ca.pem"
    path.write_bytes(certificate.public_bytes(Encoding.PEM))
    return path


@contextmanager
def tls_relay(certificate: Path, *, host: str | None = None, port: int = 0, socket: str | None = None) -> Iterator[int]:
    """The port of a relay to a Redis (host and port) or a PostgreSQL (its Unix socket)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if socket is not None and not await _is_asked_for_tls(reader, writer, context):
            writer.close()
            return
        server = await (asyncio.open_unix_connection(socket) if socket else asyncio.open_connection(host, port))
        await asyncio.gather(_pump(reader, server[1]), _pump(server[0], writer))

    async def listen() -> asyncio.Server:
        # PostgreSQL's clients ask in the clear first.
        return await asyncio.start_server(relay, "localhost", 0, ssl=None if socket else context)

    server = asyncio.run_coroutine_threadsafe(listen(), loop).result(10)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _is_asked_for_tls(reader: Any, writer: Any, context: ssl.SSLContext) -> bool:
    while (request := await reader.readexactly(8))[4:] == _GSS_REQUEST:
        writer.write(b"N")
    if request[4:] != _TLS_REQUEST:
        return False
    writer.write(b"S")
    await writer.start_tls(context)
    return True


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, asyncio.CancelledError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

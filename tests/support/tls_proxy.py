"""TLS in front of a server that has none: the wheels' PostgreSQL and Valkey are built without it.

To the client it is a server with TLS: it shows a certificate, and lets nobody in who does not encrypt.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

from tests.support.certificates import Certificate

_SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"  # PostgreSQL's protocol, "SSLRequest"
_CHUNK = 65_536


class _Terminator:
    def __init__(self, server_url: str, context: ssl.SSLContext, *, asked_first: bool) -> None:
        self._server = urlsplit(server_url)
        self._context = context
        self._asked_first = asked_first

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_writer = None
        # A client that refuses the certificate hangs up in the middle of the handshake.
        with suppress(OSError, asyncio.IncompleteReadError):
            if not await self._encrypted(reader, writer):
                return
            there_reader, there_writer = await asyncio.open_connection(self._server.hostname, self._server.port)
            ways = [
                asyncio.ensure_future(_pass_on(reader, there_writer)),
                asyncio.ensure_future(_pass_on(there_reader, writer)),
            ]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        for one in (writer, there_writer):
            if one is not None:
                one.transport.abort()

    async def _encrypted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        if self._asked_first:
            if await reader.readexactly(len(_SSL_REQUEST)) != _SSL_REQUEST:
                writer.transport.abort()
                return False
            writer.write(b"S")
        await writer.start_tls(self._context)
        return True


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(_CHUNK):
        writer.write(chunk)
        await writer.drain()


@asynccontextmanager
async def tls_in_front_of(server_url: str, certificate: Certificate) -> AsyncIterator[str]:
    """The URL that leads through TLS at 127.0.0.1; of PostgreSQL without, of Redis with its scheme `rediss`."""
    parts = urlsplit(server_url)
    is_postgres = parts.scheme == "postgresql"
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.certificate, certificate.key)
    terminator = _Terminator(server_url, context, asked_first=is_postgres)
    server = await asyncio.start_server(terminator.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    netloc = f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{port}"
    try:
        yield parts._replace(scheme="postgresql" if is_postgres else "rediss", netloc=netloc).geturl()
    finally:
        server.close()

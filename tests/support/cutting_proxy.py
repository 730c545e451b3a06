"""Between worker and PostgreSQL: passes everything on, and loses the answer to some COMMITs with the connection.

The server has committed, and the worker cannot know it: the hardest thing a network does to a batch.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

_COMMIT = b"COMMIT;\x00"
_COMMITTED = b"C\x00\x00\x00\x0bCOMMIT\x00"
_CHUNK = 65_536


class CuttingProxy:
    """Cuts about one in `one_in` commits, until `cuts` are done."""

    def __init__(self, server_url: str, *, cuts: int, one_in: int) -> None:
        self._server = urlsplit(server_url)
        self._chance = random.Random(cuts)
        self._one_in = one_in
        self.cuts_left = cuts

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there_writer = await asyncio.open_connection(self._server.hostname, self._server.port)
        except OSError:  # as if the server itself had refused
            writer.transport.abort()
            return
        armed = asyncio.Event()
        ways = [
            asyncio.ensure_future(self._requests(reader, there_writer, armed)),
            asyncio.ensure_future(self._answers(there_reader, writer, armed)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            writer.transport.abort()
            there_writer.transport.abort()

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, armed: asyncio.Event) -> None:
        while chunk := await reader.read(_CHUNK):
            if chunk.endswith(_COMMIT) and self.cuts_left and self._chance.randrange(self._one_in) == 0:
                self.cuts_left -= 1
                armed.set()
            writer.write(chunk)
            await writer.drain()

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, armed: asyncio.Event) -> None:
        while chunk := await reader.read(_CHUNK):
            if armed.is_set() and _COMMITTED in chunk:
                return
            writer.write(chunk)
            await writer.drain()


@asynccontextmanager
async def cutting_proxy(server_url: str, *, cuts: int, one_in: int) -> AsyncIterator[tuple[str, CuttingProxy]]:
    """The URL that leads through the proxy, and the proxy; it ends with the block."""
    proxy = CuttingProxy(server_url, cuts=cuts, one_in=one_in)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    parts = urlsplit(server_url)
    port = server.sockets[0].getsockname()[1]
    login = parts.netloc.rpartition("@")[0]
    try:
        yield parts._replace(netloc=f"{login}@127.0.0.1:{port}").geturl(), proxy
    finally:
        server.close()

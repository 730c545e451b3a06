"""Runs the HTTP service until it is told to stop.

Without tokens, being on this machine is the credential, and any address but a loopback one is refused. The socket is
bound here and not by the server, so that a port in use is an operator's error with a sentence, and the port that the
system chose is known before the first request.
"""

from __future__ import annotations

import errno
import ipaddress
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import uvicorn

from backfill.http.app import create_app
from backfill.http.guards import LOOPBACK_NAMES
from backfill.http.live import LiveRuns
from backfill.http.tokens import TokenBook, load_book
from backfill.runs.errors import UsageError
from backfill.wiring import Service

STOP_WITHIN_SECONDS = 5
# A peer that takes nothing is given up by the system as well, with what the socket holds for it.
UNREAD_MS = 30_000

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


async def serve(service: Service, host: str, port: int, *, announce: Callable[[str], None]) -> None:
    """Returns after SIGTERM; Ctrl-C ends it as KeyboardInterrupt. Port 0 takes a free one.

    `announce` is given the URL once connections are accepted. Raises UsageError for an address that is
    not this machine's own, not free, or open to others while there are no tokens.
    """
    tokens = load_book(service.settings)
    address = _address(host, tokens)
    app = create_app(service, names=None if tokens else {*LOOPBACK_NAMES, str(address)}, tokens=tokens)
    with closing(_bound(address, port)) as listener:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            timeout_graceful_shutdown=STOP_WITHIN_SECONDS,
        )
        listener.listen(config.backlog)
        announce(_url(address, listener.getsockname()[1]))
        with _sigterm_returns():
            await _Server(config, app.state.live).serve(sockets=[listener])


class _Server(uvicorn.Server):
    """Ends the live streams first: nobody else would, and it waits for every open request."""

    def __init__(self, config: uvicorn.Config, live: LiveRuns) -> None:
        super().__init__(config)
        self._live = live

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._live.close()
        await super().shutdown(sockets)


def _address(host: str, tokens: TokenBook) -> Address:
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host.strip("[]"))
    except ValueError as error:
        raise UsageError(f"{host!r} is not an address of this machine.", "Use 127.0.0.1, ::1 or localhost.") from error
    if not address.is_loopback and not tokens:
        raise UsageError(
            f"The service has no access tokens and does not listen on {address}: whoever reaches it could start "
            "and cancel runs.",
            "Make tokens (backfill token --help), or use localhost, and an SSH tunnel to come from elsewhere.",
        )
    return address


def _bound(address: Address, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if sys.platform == "linux":
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_MS)
        listener.bind((str(address), port))
    except OSError as error:
        listener.close()
        reason = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
        raise UsageError(
            f"Port {port} of {address} {reason}.", "Choose another with --port; 0 takes a free one."
        ) from error
    return listener


def _url(address: Address, port: int) -> str:
    return f"http://[{address}]:{port}" if address.version == 6 else f"http://{address}:{port}"


@contextmanager
def _sigterm_returns() -> Iterator[None]:
    # The server stops by itself and then raises the signal again for whoever had it before. By default that ends the
    # process on the spot, and what the caller has opened would not be closed.
    earlier = signal.signal(signal.SIGTERM, lambda _number, _frame: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, earlier)

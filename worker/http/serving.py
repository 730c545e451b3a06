"""Runs the HTTP service on a loopback address until it is told to stop.

There are no tokens, so being on this machine is the credential: any other address is refused. The socket is bound
here and not by the server, so that a port in use is an operator's error with a sentence, and the port that the
system chose is known before the first request.
"""

from __future__ import annotations

import errno
import ipaddress
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import uvicorn

from worker.http.app import create_app
from worker.http.guards import LOOPBACK_NAMES
from worker.runs.errors import UsageError
from worker.wiring import Service

STOP_WITHIN_SECONDS = 5


async def serve(service: Service, host: str, port: int, *, announce: Callable[[str], None]) -> None:
    """Returns after SIGTERM; Ctrl-C ends it as KeyboardInterrupt. Port 0 takes a free one.

    `announce` is given the URL once connections are accepted. Raises UsageError for an address that is
    not this machine's own, or not free.
    """
    address = _loopback_address(host)
    with closing(_bound(address, port)) as listener:
        config = uvicorn.Config(
            create_app(service, names={*LOOPBACK_NAMES, address}),
            log_config=None,
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            timeout_graceful_shutdown=STOP_WITHIN_SECONDS,
        )
        listener.listen(config.backlog)
        announce(_url(address, listener.getsockname()[1]))
        with _sigterm_returns():
            await uvicorn.Server(config).serve(sockets=[listener])


def _loopback_address(host: str) -> str:
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host.strip("[]"))
    except ValueError as error:
        raise UsageError(f"{host!r} is not an address of this machine.", "Use 127.0.0.1, ::1 or localhost.") from error
    if not address.is_loopback:
        raise UsageError(
            f"The service has no access tokens and does not listen on {address}: whoever reaches it could start "
            "and cancel runs.",
            "Use 127.0.0.1, ::1 or localhost, and an SSH tunnel to come from elsewhere.",
        )
    return str(address)


def _bound(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
    except OSError as error:
        listener.close()
        reason = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
        raise UsageError(
            f"Port {port} of {address} {reason}.", "Choose another with --port; 0 takes a free one."
        ) from error
    return listener


def _url(address: str, port: int) -> str:
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"


@contextmanager
def _sigterm_returns() -> Iterator[None]:
    # The server stops by itself and then raises the signal again for whoever had it before. By default that ends the
    # process on the spot, and what the caller has opened would not be closed.
    earlier = signal.signal(signal.SIGTERM, lambda _number, _frame: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, earlier)

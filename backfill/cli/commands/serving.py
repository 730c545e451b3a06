"""`backfill serve`: the HTTP service, until Ctrl-C or SIGTERM."""

from __future__ import annotations

from typing import Annotated

import typer

from backfill.cli.options import Json
from backfill.cli.output import say, write_json
from backfill.cli.session import with_service
from backfill.wiring import Service


def serve(
    host: Annotated[str | None, typer.Option(help="Loopback address; by default BACKFILL_HTTP_HOST.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="0 takes a free port; by default BACKFILL_HTTP_PORT.")
    ] = None,
    json: Json = False,
) -> None:
    """Serve the HTTP API on this machine, until Ctrl-C or SIGTERM."""
    # Half a second of imports that no other command needs.
    from backfill.http.serving import serve as serve_http  # noqa: PLC0415

    def announce(url: str) -> None:
        say(f"listening on {url}")
        if json:
            write_json({"url": url}, indent=None)

    async def run(service: Service) -> None:
        settings = service.settings
        chosen_port = settings.http_port if port is None else port
        await serve_http(service, host or settings.http_host, chosen_port, announce=announce)

    with_service(run)

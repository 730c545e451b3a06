"""`backfill token`: makes an access token for the HTTP service."""

from __future__ import annotations

from typing import Annotated

import typer

from backfill.cli.options import Json
from backfill.cli.output import say, write_json


def token(
    name: Annotated[str, typer.Argument(help="Who it is for; runs and logs say so. Letters, digits, `.`, `_`, `-`.")],
    operate: Annotated[bool, typer.Option("--operate", help="It may start and steer runs, not just read.")] = False,
    json: Json = False,
) -> None:
    """Make an access token: the secret is shown once, the service is given its hash."""
    # Imports of the HTTP edge that no other command needs.
    from backfill.http.tokens import Scope, new_token  # noqa: PLC0415

    secret, made = new_token(name, Scope.OPERATE if operate else Scope.READ)
    if json:
        write_json({"name": made.name, "scope": made.scope.value, "secret": secret, "entry": made.line()})
        return
    typer.echo(secret)
    say(
        f"This is the secret; it is kept nowhere. Add its hash to BACKFILL_TOKENS, or to the file that\n"
        f"BACKFILL_TOKENS_FILE names, and restart the service:\n\n  {made.line()}"
    )

"""Page tokens: opaque to clients, so that what is in them may change."""

from __future__ import annotations

import base64
import binascii

from backfill.runs.errors import UnknownPageToken

_VERSION = "1:"


def dump_page_token(last_run_id: str) -> str:
    """Stands for the runs older than this one."""
    return base64.urlsafe_b64encode(f"{_VERSION}{last_run_id}".encode()).decode().rstrip("=")


def load_page_token(token: str) -> str:
    """The run that the page comes after; raises UnknownPageToken."""
    try:
        text = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError, ValueError):
        text = ""
    if not text.startswith(_VERSION):
        raise UnknownPageToken("This page token is none of this service's.", "Take it from next_page_token.")
    return text.removeprefix(_VERSION)

"""Who holds the secret can tell that a request comes from here, is unchanged, and is not one of long ago."""

from __future__ import annotations

import hashlib
import hmac

TIMESTAMP = "Backfill-Timestamp"
SIGNATURE = "Backfill-Signature"
DELIVERY = "Backfill-Delivery"
SCHEME = "v1="


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 of the timestamp, a full stop and the body, in hex."""
    signed = timestamp.encode() + b"." + body
    return SCHEME + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()

"""The signed webhook: how what is told is signed, and how it is sent."""

from backfill.webhook.sending import Receiver
from backfill.webhook.signing import signature

__all__ = ["Receiver", "signature"]

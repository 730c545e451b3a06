"""Calls: what is right is what a Python function says."""

import hashlib
from typing import Any

from backfill.definitions.calls import calls
from shop.models import Document


@calls(table=Document, reads=[Document.body], todo=Document.sha256.is_(None), check="recompute", kept_by="trigger")
def document_hashes(row: Any) -> dict[str, str]:
    """Gives every document the hash that copies of it are found by."""
    return {"sha256": hashlib.sha256(row.body.encode()).hexdigest()}

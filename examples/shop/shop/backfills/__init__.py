"""The backfills of the shop; backfill.toml names this module."""

from shop.backfills.document_hashes import document_hashes
from shop.backfills.email_normalized import EmailNormalized
from shop.backfills.line_numbers import LineNumbers
from shop.backfills.order_totals import OrderTotals

__all__ = ["EmailNormalized", "LineNumbers", "OrderTotals", "document_hashes"]

"""The backfills of the shop; backfill.toml names this module."""

from backfill.definitions import Definition
from shop.backfills.email_normalized import EmailNormalized
from shop.backfills.needs import NEEDS

EMAIL_NORMALIZED = Definition(
    name=EmailNormalized.name,
    about="Gives every customer the address in lower case that they are found by.",
    bind=EmailNormalized,
    needs=NEEDS,
)

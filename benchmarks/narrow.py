"""The definition that `benchmarks.columns` measures."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import BigInteger, Column, MetaData, Table, Text, func

from backfill.definitions import Columns

CUSTOMERS = Table(
    "customers",
    MetaData(),
    Column("id", BigInteger, primary_key=True),
    Column("email", Text, nullable=False),
    Column("email_normalized", Text),
)


class EmailNormalized(Columns):
    """Gives every customer the address in lower case that they are found by."""

    table = CUSTOMERS
    sets: ClassVar[dict[Any, Any]] = {CUSTOMERS.c.email_normalized: func.lower(func.btrim(CUSTOMERS.c.email))}

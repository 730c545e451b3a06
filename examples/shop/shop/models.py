"""The tables of the shop, as its code sees them after the migration."""

from __future__ import annotations

from sqlalchemy import BigInteger, Identity, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Customer(Base):
    """`email_normalized` is what customers are found by; NULL until the backfill has come to the row."""

    __tablename__ = "customers"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    email: Mapped[str] = mapped_column(Text)
    email_normalized: Mapped[str | None] = mapped_column(Text)

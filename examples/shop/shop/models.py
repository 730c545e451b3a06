"""The tables of the shop, as its code sees them after the migrations."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKeyConstraint, Identity, Index, Integer, Numeric, Text, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Customer(Base):
    """`email_normalized` is what customers are found by."""

    __tablename__ = "customers"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    email: Mapped[str] = mapped_column(Text)
    email_normalized: Mapped[str | None] = mapped_column(Text)


class Order(Base):
    """Each branch of the shop counts its own; `total` is the sum of the items."""

    __tablename__ = "orders"

    branch: Mapped[str] = mapped_column(Text, primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    total: Mapped[Decimal | None] = mapped_column(Numeric(12, 2))


class Item(Base):
    """`line` is its number in the order."""

    __tablename__ = "items"
    __table_args__ = (
        ForeignKeyConstraint(["branch", "number"], ["orders.branch", "orders.number"], ondelete="CASCADE"),
        Index("ix_items_branch_number", "branch", "number"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    branch: Mapped[str] = mapped_column(Text)
    number: Mapped[int] = mapped_column(Integer)
    pieces: Mapped[int] = mapped_column(Integer)
    price: Mapped[Decimal] = mapped_column(Numeric(12, 2))
    line: Mapped[int | None] = mapped_column(Integer)


class Document(Base):
    """`sha256` is what copies are found by."""

    __tablename__ = "documents"

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    body: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str | None] = mapped_column(Text)

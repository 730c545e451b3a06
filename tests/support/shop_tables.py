"""An application of two definitions: customers with an address, and orders (a composite key) with their items."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import BigInteger, ForeignKeyConstraint, Identity, Integer, Numeric, Text, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from backfill.definitions import Columns


class Base(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customers"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    email: Mapped[str] = mapped_column(Text)
    email_normalized: Mapped[str | None] = mapped_column(Text)


class Order(Base):
    __tablename__ = "orders"

    shop: Mapped[str] = mapped_column(Text, primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    total: Mapped[Decimal | None] = mapped_column(Numeric(12, 2))


class Item(Base):
    __tablename__ = "items"
    __table_args__ = (ForeignKeyConstraint(["shop", "number"], ["orders.shop", "orders.number"], ondelete="CASCADE"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    shop: Mapped[str] = mapped_column(Text)
    number: Mapped[int] = mapped_column(Integer)
    pieces: Mapped[int]
    price: Mapped[Decimal] = mapped_column(Numeric(12, 2))
    note: Mapped[str | None] = mapped_column(Text)


class EmailNormalized(Columns):
    """Gives every customer the address in lower case that they are found by."""

    table = Customer
    sets = {Customer.email_normalized: func.lower(func.btrim(Customer.email))}


class OrderTotals(Columns):
    """Gives every order the sum of its items."""

    table = Order
    sets = {
        Order.total: select(func.coalesce(func.sum(Item.pieces * Item.price), 0))
        .where(Item.shop == Order.shop, Item.number == Order.number)
        .scalar_subquery()
    }
    todo = Order.total.is_(None)

"""`python -m tests.support.shop_release`: today's release of the shop, several sessions that write until SIGTERM.

Its mapped classes know none of the new columns. At the end it prints, as JSON, how much of everything it has done; an
error of the database's in any session ends it with a traceback.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
from collections import Counter
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKeyConstraint, Identity, Numeric, Text, func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

Kind = TypeVar("Kind", "Customer", "Document")

SESSIONS = 4
BRANCHES = ("north", "south")
NUMBERS = 40


class Base(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customers"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    email: Mapped[str] = mapped_column(Text)


class Order(Base):
    __tablename__ = "orders"

    branch: Mapped[str] = mapped_column(Text, primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)


class Item(Base):
    __tablename__ = "items"
    __table_args__ = (ForeignKeyConstraint(["branch", "number"], ["orders.branch", "orders.number"]),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    branch: Mapped[str] = mapped_column(Text)
    number: Mapped[int]
    pieces: Mapped[int]
    price: Mapped[Decimal] = mapped_column(Numeric(12, 2))


class Document(Base):
    __tablename__ = "documents"

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    body: Mapped[str] = mapped_column(Text)


async def one_write(session: AsyncSession, dice: random.Random, new: int) -> str:
    """In a transaction of its own; what it did."""
    write = dice.choice((sign_up, change_address, leave, order, buy, buy, change, send_back, move, revise))
    return write.__name__ if await write(session, dice, new) else "nothing"


async def sign_up(session: AsyncSession, dice: random.Random, new: int) -> bool:
    session.add(Customer(email=f" New.{new}@X.org "))
    return True


async def change_address(session: AsyncSession, dice: random.Random, new: int) -> bool:
    customer = await _any(session, Customer, dice)
    if customer:
        customer.email = f"Changed.{new}@X.org"
    return customer is not None


async def leave(session: AsyncSession, dice: random.Random, new: int) -> bool:
    customer = await _any(session, Customer, dice)
    if customer:
        await session.delete(customer)
    return customer is not None


async def order(session: AsyncSession, dice: random.Random, new: int) -> bool:
    session.add(Order(branch=dice.choice(BRANCHES), number=1_000 + new))
    return True


async def buy(session: AsyncSession, dice: random.Random, new: int) -> bool:
    branch, number = _order(dice)
    session.add_all(
        Item(branch=branch, number=number, pieces=dice.randrange(1, 5), price=Decimal("2.50")) for _ in range(3)
    )
    return True


async def change(session: AsyncSession, dice: random.Random, new: int) -> bool:
    item = await _item(session, dice)
    if item:
        item.pieces += 1
    return item is not None


async def send_back(session: AsyncSession, dice: random.Random, new: int) -> bool:
    item = await _item(session, dice)
    if item:
        await session.delete(item)
    return item is not None


async def move(session: AsyncSession, dice: random.Random, new: int) -> bool:
    item = await _item(session, dice)
    if item:
        item.branch, item.number = _order(dice)
    return item is not None


async def revise(session: AsyncSession, dice: random.Random, new: int) -> bool:
    document = await _any(session, Document, dice)
    if document:
        document.body += f" and {new}"
    return document is not None


def _order(dice: random.Random) -> tuple[str, int]:
    return dice.choice(BRANCHES), dice.randrange(1, NUMBERS)


async def _item(session: AsyncSession, dice: random.Random) -> Item | None:
    """Locked as it is read: who reads and then writes would otherwise write over what another has written since."""
    branch, number = _order(dice)
    found = select(Item).where(Item.branch == branch, Item.number == number).limit(1)
    return (await session.scalars(found.with_for_update(skip_locked=True))).first()


async def _any(session: AsyncSession, kind: type[Kind], dice: random.Random) -> Kind | None:
    found = select(kind).order_by("id").offset(dice.randrange(300)).limit(1)
    return (await session.scalars(found.with_for_update(skip_locked=True))).first()


async def traffic() -> Counter[str]:
    engine = create_async_engine(os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://", 1))
    sessions = async_sessionmaker(engine)
    done: Counter[str] = Counter()
    ending = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)

    async def write(number: int) -> None:
        dice = random.Random(number)
        while not ending.is_set():
            async with sessions.begin() as session:
                what = await one_write(session, dice, sum(done.values()) * SESSIONS + number)
            done[what] += 1

    async with asyncio.TaskGroup() as group:
        for number in range(SESSIONS):
            group.create_task(write(number))
    await engine.dispose()
    return done


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(traffic())))

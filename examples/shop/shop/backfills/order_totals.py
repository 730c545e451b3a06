"""Columns: what is right follows from other rows."""

from sqlalchemy import func, select

from backfill.definitions import Columns
from shop.models import Item, Order


class OrderTotals(Columns):
    """Gives every order the sum of its items."""

    table = Order
    sets = {
        Order.total: select(func.coalesce(func.sum(Item.pieces * Item.price), 0))
        .where(Item.branch == Order.branch, Item.number == Order.number)
        .scalar_subquery()
    }
    todo = Order.total.is_(None)

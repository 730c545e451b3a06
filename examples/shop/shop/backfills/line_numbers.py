"""Groups: what is right for a row follows from its siblings, so that an order is settled whole."""

from backfill.definitions import Groups, SyncTrigger
from shop.models import Item, Order


class LineNumbers(Groups):
    """Numbers the items of each order in the order in which they came."""

    table = Order
    rows = Item
    writes = [Item.line]
    todo = Item.line.is_(None)
    checks = {"numbered": "Every item of an order has a number from 1 on, which no other item of it has"}
    kept_by = SyncTrigger(name="items_number_lines", table=Item, function="items_number_lines")

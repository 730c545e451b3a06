"""Columns: what is right follows from the row itself."""

from sqlalchemy import func

from backfill.definitions import Columns
from shop.models import Customer


class EmailNormalized(Columns):
    """Gives every customer the address in lower case that they are found by."""

    table = Customer
    sets = {Customer.email_normalized: func.lower(func.btrim(Customer.email))}

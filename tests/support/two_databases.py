"""Two backfills of one service: one on DATABASE_URL, and one on the database that it knows as billing."""

from __future__ import annotations

from sqlalchemy import Column, Integer, MetaData, Table, Text, func

from backfill.definitions import Columns

PLACE = "tests.support.two_databases"
HERE = Table(
    "customers",
    MetaData(),
    *(Column("id", Integer, primary_key=True), Column("name", Text), Column("low", Text)),
)
THERE = Table(
    "invoices",
    MetaData(),
    *(Column("id", Integer, primary_key=True), Column("title", Text), Column("low", Text)),
    schema="accounts",
)
ROWS = 40
TABLES_HERE = """
    CREATE TABLE customers (id integer PRIMARY KEY, name text, low text);
    INSERT INTO customers SELECT n, 'Name' || n FROM generate_series(1, 40) AS n;
"""
TABLES_THERE = """
    CREATE SCHEMA accounts;
    CREATE TABLE accounts.invoices (id integer PRIMARY KEY, title text, low text);
    INSERT INTO accounts.invoices SELECT n, 'Title' || n FROM generate_series(1, 40) AS n;
"""


class NamesLowered(Columns):
    """Lowers the names of customers."""

    table = HERE
    sets = {HERE.columns.low: func.lower(HERE.columns.name)}
    kept_by = "frozen"


class TitlesLowered(Columns):
    """Lowers the titles of invoices."""

    table = THERE
    sets = {THERE.columns.low: func.lower(THERE.columns.title)}
    kept_by = "frozen"
    database = "billing"

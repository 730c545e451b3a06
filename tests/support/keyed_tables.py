"""Tables with every kind of key that an application may have, each with rows that are hard to walk over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Integer,
    MetaData,
    Numeric,
    SmallInteger,
    String,
    Table,
    Text,
    Uuid,
)

METADATA = MetaData()
ROWS = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyed:
    """`insert` fills `ROWS` rows in; `number` runs through them in it. `ddl` is what there is where it is not what the
    model says."""

    table: Table
    insert: str
    order_by: tuple[str, ...] = ()
    ddl: str = ""


def _table(name: str, *key: Column[Any], schema: str | None = None) -> Table:
    return Table(name, METADATA, *key, Column("email", Text), Column("done", Text), schema=schema)


KINDS = {
    "integer": Keyed(table=_table("by_integer", Column("id", Integer, primary_key=True)), insert="number - 125"),
    "identity": Keyed(
        table=_table("by_identity", Column("id", BigInteger, Identity(always=False), primary_key=True)),
        insert="number * 40000000000",
    ),
    "integer in the model, bigint by now": Keyed(
        table=_table("widened", Column("id", Integer, primary_key=True)),
        insert="number * 40000000000",
        ddl="CREATE TABLE widened (id bigint PRIMARY KEY, email text, done text)",
    ),
    "uuid": Keyed(table=_table("by_uuid", Column("id", Uuid, primary_key=True)), insert="gen_random_uuid()"),
    "text": Keyed(
        table=_table("by_text", Column("id", Text, primary_key=True)),
        insert="""(ARRAY['ä', 'Z', 'a b', 'é', '["', '''', 'ß', '%', ':x', '\\'])[number % 10 + 1] || number""",
    ),
    "text in another collation": Keyed(
        table=_table("by_collated", Column("id", String(40, collation="C"), primary_key=True)),
        insert="(ARRAY['ä', 'Z', 'a b', 'é', 'z', 'A'])[number % 6 + 1] || number",
    ),
    "timestamp with text": Keyed(
        table=_table(
            "by_time",
            Column("at", DateTime(timezone=True), primary_key=True),
            Column("name", String(20), primary_key=True),
        ),
        insert="timestamptz '2026-01-01 00:00:00.000001+00' + number / 3 * interval '1 microsecond', 'n' || number",
    ),
    "in order of another column": Keyed(
        table=_table("by_creation", Column("id", Uuid, primary_key=True), Column("made", DateTime, nullable=False)),
        insert="gen_random_uuid(), timestamp '2026-01-01' + number / 7 * interval '1 minute'",
        order_by=("made",),
        ddl="CREATE TABLE by_creation (id uuid PRIMARY KEY, made timestamp NOT NULL, email text, done text);"
        "CREATE INDEX ON by_creation (made, id)",
    ),
    "three columns": Keyed(
        table=_table(
            "by_three",
            Column("tenant", SmallInteger, primary_key=True),
            Column("code", Text, primary_key=True),
            Column("part", Numeric(12, 2), primary_key=True),
        ),
        insert="number % 3, 'c\"' || number % 5, number * 1.5",
    ),
    "names that need quotes": Keyed(
        table=_table('Order "x"', Column("Id", Integer, primary_key=True), Column("select", Text, primary_key=True)),
        insert="number / 2, 'n' || number",
    ),
    "partitions": Keyed(
        table=_table("by_part", Column("id", Integer, primary_key=True), Column("part", Integer, primary_key=True)),
        insert="number, number % 3",
        ddl="CREATE TABLE by_part (id integer, part integer, email text, done text, PRIMARY KEY (id, part))"
        " PARTITION BY LIST (part);"
        "CREATE TABLE by_part_0 PARTITION OF by_part FOR VALUES IN (0);"
        "CREATE TABLE by_part_1 PARTITION OF by_part FOR VALUES IN (1, 2)",
    ),
    "another schema": Keyed(
        table=_table("orders", Column("id", Integer, primary_key=True), schema="Billing"), insert="number"
    ),
}

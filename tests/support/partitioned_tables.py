"""Tables that are divided in every way that PostgreSQL knows, of one model each, with rows in every part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, MetaData, Table, Text
from sqlalchemy.types import TypeEngine

METADATA = MetaData()
ROWS = 3_000
SCHEMA = "Sales"
CREATE = """
    CREATE TABLE {table} (
        id bigint NOT NULL, region text NOT NULL, made timestamptz NOT NULL, email text, lower_email text
    ) PARTITION BY {by};
"""
FILL = """
    INSERT INTO {table}
    SELECT n, (ARRAY['at', 'be', 'cz'])[n % 3 + 1], timestamptz '2026-01-01 00:00+00' + n * interval '50 minutes',
           'User' || n || '@Example.com'
    FROM generate_series(1, 3000) AS n;
    ANALYZE {table};
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Divided:
    """`ddl` makes the partitions of `{table}`; `prunes`: the planner can leave out all but one."""

    table: Table
    by: str
    ddl: str
    prunes: bool = True

    @property
    def quoted(self) -> str:
        return f'"{SCHEMA}".{self.table.name}'

    def create(self) -> str:
        return self.sql(CREATE.replace("{by}", self.by) + self.ddl + FILL)

    def sql(self, text: str) -> str:
        """With the names of the table and of its schema."""
        return text.format(table=self.quoted, schema=f'"{SCHEMA}"')


def _table(name: str, *key: str) -> Table:
    """With the columns of the key in front."""
    kinds: dict[str, TypeEngine[Any]] = {"id": BigInteger(), "region": Text(), "made": DateTime(timezone=True)}
    columns: list[Column[Any]] = [
        Column(one, kinds[one], primary_key=one in key, nullable=False)
        for one in (*key, *(other for other in kinds if other not in key))
    ]
    return Table(name, METADATA, *columns, Column("email", Text), Column("lower_email", Text), schema=SCHEMA)


MONTHS = """
    CREATE TABLE {schema}.m1 PARTITION OF {table} FOR VALUES FROM (MINVALUE) TO ('2026-02-01 00:00+00');
    CREATE TABLE {schema}.m2 PARTITION OF {table} FOR VALUES FROM ('2026-02-01 00:00+00') TO ('2026-03-01 00:00+00');
    CREATE TABLE {schema}.m3 PARTITION OF {table} FOR VALUES FROM ('2026-03-01 00:00+00') TO ('2026-04-01 00:00+00');
    CREATE TABLE {schema}.rest PARTITION OF {table} DEFAULT;
    ALTER TABLE {table} ADD PRIMARY KEY (made, id);
"""
DIVIDED = {
    "range": Divided(table=_table("by_month", "made", "id"), by="RANGE (made)", ddl=MONTHS),
    "list": Divided(
        table=_table("by_region", "region", "id"),
        by="LIST (region)",
        ddl="""
            CREATE TABLE {schema}.at PARTITION OF {table} FOR VALUES IN ('at');
            CREATE TABLE {schema}.be PARTITION OF {table} FOR VALUES IN ('be');
            CREATE TABLE {schema}.cz PARTITION OF {table} FOR VALUES IN ('cz');
            ALTER TABLE {table} ADD PRIMARY KEY (region, id);
        """,
    ),
    "list, then range": Divided(
        table=_table("by_both", "region", "made", "id"),
        by="LIST (region)",
        ddl="""
            CREATE TABLE {schema}.at PARTITION OF {table} FOR VALUES IN ('at') PARTITION BY RANGE (made);
            CREATE TABLE {schema}.at1 PARTITION OF {schema}.at FOR VALUES FROM (MINVALUE) TO ('2026-02-01 00:00+00');
            CREATE TABLE {schema}.at2 PARTITION OF {schema}.at FOR VALUES FROM ('2026-02-01 00:00+00') TO (MAXVALUE);
            CREATE TABLE {schema}.others PARTITION OF {table} FOR VALUES IN ('be', 'cz');
            ALTER TABLE {table} ADD PRIMARY KEY (region, made, id);
        """,
    ),
    "hash": Divided(
        table=_table("by_hash", "id"),
        by="HASH (id)",
        ddl="""
            CREATE TABLE {schema}.h0 PARTITION OF {table} FOR VALUES WITH (MODULUS 2, REMAINDER 0);
            CREATE TABLE {schema}.h1 PARTITION OF {table} FOR VALUES WITH (MODULUS 2, REMAINDER 1);
            ALTER TABLE {table} ADD PRIMARY KEY (id);
        """,
        prunes=False,
    ),
}

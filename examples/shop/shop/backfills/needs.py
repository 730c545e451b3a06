"""What the backfill relies on, as data: the schema, the rights, and the rules that verification checks."""

from __future__ import annotations

from backfill.runs.findings import Rule
from backfill.sql.needs import ColumnNeed, Needs, Revision, TriggerNeed
from backfill.sql.privileges import Right, Rights
from backfill.sql.tables import TableName

CUSTOMERS = TableName(name="customers")

NEEDS = Needs(
    revision=Revision(id="7c1d52e0a9b4", before="2b90f3a6c815", adds=("customers", "email_normalized")),
    columns=(
        ColumnNeed(table="customers", name="id", type="bigint", not_null=True, is_read=True),
        ColumnNeed(table="customers", name="email", type="text", not_null=True, is_read=True),
        ColumnNeed(table="customers", name="email_normalized", type="text", is_read=True),
    ),
    triggers=(TriggerNeed(table="customers", name="customers_normalize_email", function="customers_normalize_email"),),
)

RIGHTS = Rights(
    reading=(Right(privilege="SELECT", table="customers", columns=("id", "email", "email_normalized")),),
    writing=(Right(privilege="UPDATE", table="customers", columns=("email_normalized",)),),
    inserts_into="customers",
    trigger_functions=("customers_normalize_email",),
)

RULES = (
    Rule(slug="columns", title="The new column is there", on_schema=True),
    Rule(slug="triggers", title="The sync trigger exists and is enabled", on_schema=True),
    Rule(slug="statistics", title="The planner does not take a large table for empty", is_error=False, on_schema=True),
    Rule(slug="unassigned", title="Every customer has a normalized address"),
    Rule(slug="differs", title="The normalized address is that of the address"),
)

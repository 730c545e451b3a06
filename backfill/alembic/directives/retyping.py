"""`op.online_alter_type`: a second column of the new type, filled beside the first; then they change places.

What hangs on the column (indexes, constraints, keys, views) is not made anew for the second one, so where there is any,
the directive refuses and lists it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from alembic.operations import MigrateOperation, Operations
from sqlalchemy.types import TypeEngine

from backfill.alembic.directives.columns import drop_column
from backfill.alembic.directives.looking import Column as FoundColumn
from backfill.alembic.directives.looking import Looking
from backfill.alembic.directives.mirroring import Mirror, handing_over, mirror
from backfill.alembic.directives.rendering import DIALECT, Relation, made_up_name, quoted, written
from backfill.alembic.directives.steps import Steps, steps
from backfill.alembic.volatility import of_another_type
from backfill.runs.errors import SchemaNotReady, UsageError


@Operations.register_operation("online_alter_type")
@dataclass(slots=True, kw_only=True, eq=False)
class OnlineAlterTypeOp(MigrateOperation):
    table: str
    name: str
    type_: TypeEngine[Any]
    using: str | None = None
    schema: str | None = None
    existing_nullable: bool = True
    existing_server_default: str | None = None

    @classmethod
    def online_alter_type(
        cls,
        operations: Operations,
        table_name: str,
        column_name: str,
        type_: TypeEngine[Any],
        *,
        using: str | None = None,
        schema: str | None = None,
        existing_nullable: bool = True,
        existing_server_default: str | None = None,
    ) -> None:
        """`using`: an expression over the row, else a cast; it must give the same for the same row at any time.

        `existing_...` are for scripts (`--sql`), where the database cannot be asked."""
        operation = cls(
            table=table_name,
            name=column_name,
            type_=type_,
            using=using,
            schema=schema,
            existing_nullable=existing_nullable,
            existing_server_default=existing_server_default,
        )
        operations.invoke(operation)


@Operations.implementation_for(OnlineAlterTypeOp)
def _alter_type(operations: Operations, operation: OnlineAlterTypeOp) -> None:
    with steps(operations) as online:
        relation = online.existing(operation.table, operation.schema)
        change = _Change(online=online, relation=relation, operation=operation)
        if online.looking is None:
            change.script()
        else:
            change.make(online.looking)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    online: Steps
    relation: Relation
    operation: OnlineAlterTypeOp

    @property
    def incoming(self) -> str:
        return made_up_name("online_new", self.operation.name, [])

    @property
    def outgoing(self) -> str:
        return made_up_name("online_old", self.operation.name, [])

    @property
    def _type_words(self) -> str:
        return str(self.operation.type_.compile(DIALECT))

    @property
    def mirror(self) -> Mirror:
        cast = f"CAST({quoted(self.operation.name)} AS {self._type_words})"
        return Mirror(
            relation=self.relation,
            source=self.operation.name,
            target=self.incoming,
            expression=self.operation.using or cast,
        )

    def make(self, looking: Looking) -> None:
        """Goes on from wherever it was left: the names of the columns say where that is."""
        columns = looking.columns(self.relation)
        here = columns.get(self.operation.name)
        if here is None:
            what = f"{self.relation} has no column {self.operation.name}."
            raise SchemaNotReady(what, "Check the revision, and DATABASE_URL.")
        if self.outgoing not in columns and here.type != self._type_as_made(looking):
            self._require_free(looking, here)
            self._mirror(not_null=here.not_null)
            self._change_places(here.default)
        self._clear_away()

    def script(self) -> None:
        self._mirror(not_null=not self.operation.existing_nullable)
        self._change_places(self.operation.existing_server_default)
        self._clear_away()

    def _type_as_made(self, looking: Looking) -> str:
        adding = written(
            "add_plain_column",
            table="pg_temp.online_copy",
            column="online_column",
            type=self._type_words,
        )
        return looking.column_as_made(self.relation, adding, "online_column").type

    def _require_free(self, looking: Looking, here: FoundColumn) -> None:
        about = f"{self.relation}.{self.operation.name}"
        if here.is_made:
            raise UsageError(f"{about} is an identity or is generated.", "Its type cannot be changed beside it.")
        hanging = [one for one in looking.dependents(self.relation, self.operation.name) if self.mirror.name not in one]
        if hanging:
            raise UsageError(
                f"What hangs on {about} would be lost with it: {'; '.join(hanging)}.",
                "Take the steps by yourself: op.online_rename_column's way, with a column of the new type and its own "
                "indexes and constraints. Or drop what is listed, and make it again afterwards.",
            )

    def _mirror(self, *, not_null: bool) -> None:
        mirror(self.online, self.mirror, self.operation.type_, not_null=not_null)

    def _change_places(self, default: str | None) -> None:
        table, name = self.relation.quoted, quoted(self.operation.name)
        old, new = quoted(self.outgoing), quoted(self.incoming)
        statements = [
            self.mirror.dropping_trigger(),
            written("rename_column", table=table, column=name, new_name=old),
            written("rename_column", table=table, column=new, new_name=name),
            # Nobody gives it a value from here on.
            written("drop_not_null", table=table, column=old),
            *self._handing_over(default),
            *self._naming_not_null(),
        ]
        self.online.under_lock(
            f"letting the two columns {self.operation.name} of {self.relation} change places",
            *statements,
            done=lambda looking: self.outgoing in looking.columns(self.relation),
        )

    def _naming_not_null(self) -> list[str]:
        """Since PostgreSQL 18 it has a name, and the one of the column that goes is free."""
        found = () if self.online.looking is None else self.online.looking.constraints(self.relation, "n")
        names = {one.columns: one.name for one in found}
        old, new = names.get((self.operation.name,)), names.get((self.incoming,))
        if old is None or new is None:
            return []
        table = self.relation.quoted
        return [written("rename_constraint", table=table, name=quoted(new), new_name=quoted(old))]

    def _handing_over(self, default: str | None) -> list[str]:
        """The sequence is asked for under the column's name of now."""
        if default is not None:
            default = of_another_type(default) or f"CAST(({default}) AS {self._type_words})"
        names = (self.outgoing, self.operation.name)
        return handing_over(self.online, self.relation, names, default, asked=self.operation.name)

    def _clear_away(self) -> None:
        drop_column(self.online, self.relation, self.outgoing)
        self.mirror.drop_function(self.online)

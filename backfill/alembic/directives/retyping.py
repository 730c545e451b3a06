"""`op.online_alter_type`: a second column of the new type, filled beside the first; then they change places.

Its indexes, its unique constraints and a primary key that nothing refers to are built for the second one as well. For
anything else that hangs on the column (foreign keys, checks, views) the directive refuses, and lists it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from alembic.operations import MigrateOperation, Operations
from sqlalchemy.types import TypeEngine

from backfill.alembic.directives.columns import drop_column
from backfill.alembic.directives.indexes import build
from backfill.alembic.directives.looking import Column as FoundColumn
from backfill.alembic.directives.looking import Dependent, Index, Looking
from backfill.alembic.directives.mirroring import Mirror, handing_over, mirror
from backfill.alembic.directives.rendering import DIALECT, Relation, as_text, literally, made_up_name, quoted, written
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
            carried = self._carried(looking, here)
            self._mirror(not_null=here.not_null)
            self._change_places(here.default, self._make_again(looking, carried))
        self._clear_away()

    def script(self) -> None:
        names = {"table_text": as_text(self.relation.quoted), "column_text": as_text(self.operation.name)}
        self.online.ddl.execute(literally(written("require_free", **names)))
        self._mirror(not_null=not self.operation.existing_nullable)
        self._change_places(self.operation.existing_server_default, [])
        self._clear_away()

    def _type_as_made(self, looking: Looking) -> str:
        adding = written(
            "add_plain_column",
            table="pg_temp.online_copy",
            column="online_column",
            type=self._type_words,
        )
        return looking.column_as_made(self.relation, adding, "online_column").type

    def _carried(self, looking: Looking, here: FoundColumn) -> tuple[Dependent, ...]:
        """Indexes, and unique and primary keys that nothing refers to. Raises UsageError for anything else."""
        about = f"{self.relation}.{self.operation.name}"
        if here.is_made:
            raise UsageError(f"{about} is an identity or is generated.", "Its type cannot be changed beside it.")
        hanging = looking.dependents(self.relation, self.operation.name)
        if others := [one.about for one in hanging if one.kind == "other" and self.mirror.name not in one.about]:
            raise UsageError(
                f"What hangs on {about} would be lost with it: {'; '.join(others)}.",
                "Take the steps by yourself: op.online_rename_column's way, with a column of the new type and its own "
                "constraints. Or drop what is listed, and make it again afterwards.",
            )
        if hanging and not self.online.ddl.runs:
            what = f"No script can carry over what hangs on {about}: {'; '.join(one.about for one in hanging)}."
            raise UsageError(what, "Migrate online.")
        return tuple(one for one in hanging if one.kind != "other")

    def _mirror(self, *, not_null: bool) -> None:
        mirror(self.online, self.mirror, self.operation.type_, not_null=not_null)

    def _make_again(self, looking: Looking, carried: Sequence[Dependent]) -> list[str]:
        """Builds what is needed, and returns what is left for the moment in which the columns change places."""
        spelled = self.online.asked(lambda: looking.spelled_with(self.relation, self.operation.name, self.incoming))
        here = {index.name: index for index in looking.indexes(self.relation)}
        kinds = {one.name: one.kind for one in looking.constraints(self.relation)}
        statements: list[str] = []
        for one in carried if spelled else ():
            name = made_up_name("online_new", one.name, [])
            self._build_like(here[one.name], name, here.get(name), (spelled or {})[here[one.name].does])
            statements += self._taking_over(one, name, kinds.get(one.name, ""))
        return statements

    def _build_like(self, like: Index, name: str, there: Index | None, does: str) -> None:
        if there is not None and there.is_valid and (there.is_unique, there.does) == (like.is_unique, does):
            return
        parts = {"name": quoted(name), "table": self.relation.quoted, "does": does}
        unique = "UNIQUE " if like.is_unique else ""
        build(self.online, self.relation, name, written("create_index_like", unique=unique, **parts))

    def _taking_over(self, one: Dependent, index: str, kind: str) -> list[str]:
        table, name = self.relation.quoted, quoted(one.name)
        if one.kind == "index":
            new = self.relation.beside(index).quoted
            dropping = written("drop_index_at_once", index=self.relation.beside(one.name).quoted)
            return [dropping, written("rename_index", index=new, new_name=name)]
        words = "PRIMARY KEY" if kind == "p" else "UNIQUE"
        adding = written("use_index_as", table=table, name=name, kind=words, index=quoted(index))
        return [written("drop_constraint", table=table, name=name), adding]

    def _change_places(self, default: str | None, taking_over: Sequence[str]) -> None:
        table, name = self.relation.quoted, quoted(self.operation.name)
        old, new = quoted(self.outgoing), quoted(self.incoming)
        statements = [
            self.mirror.dropping_trigger(),
            written("rename_column", table=table, column=name, new_name=old),
            written("rename_column", table=table, column=new, new_name=name),
            *taking_over,
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
            default = of_another_type(default) or self._cast(default)
        names = (self.outgoing, self.operation.name)
        return handing_over(self.online, self.relation, names, default, asked=self.operation.name)

    def _cast(self, default: str) -> str:
        """Where the new column does not take it as it is."""
        looking = self.online.looking
        if looking is not None and looking.takes_default(self.relation, self.incoming, default):
            return default
        return f"CAST(({default}) AS {self._type_words})"

    def _clear_away(self) -> None:
        drop_column(self.online, self.relation, self.outgoing)
        self.mirror.drop_function(self.online)

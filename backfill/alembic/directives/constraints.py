"""`op.online_add_foreign_key`, `online_add_check`, `online_add_unique` and `online_drop_constraint`.

A constraint is added NOT VALID under a short lock: it holds for rows to come. Then the rows that are there are checked,
which lets readers and writers through. Uniqueness has no such way: its index is built first, and then becomes the
constraint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from alembic.operations import MigrateOperation, Operations
from sqlalchemy import TextClause
from sqlalchemy.schema import AddConstraint
from sqlalchemy.sql.elements import ColumnElement

from backfill.alembic.directives.indexes import OnlineIndexOp, build_index
from backfill.alembic.directives.looking import COPY, Constraint, Looking
from backfill.alembic.directives.rendering import Relation, literally, quoted, rendered, written
from backfill.alembic.directives.steps import Steps, steps
from backfill.runs.errors import SchemaNotReady

_ACTIONS = {None: "a", "NO ACTION": "a", "RESTRICT": "r", "CASCADE": "c", "SET NULL": "n", "SET DEFAULT": "d"}
CheckCondition = str | TextClause | ColumnElement[bool]


@Operations.register_operation("online_add_foreign_key")
@dataclass(slots=True, kw_only=True, eq=False)
class OnlineAddForeignKeyOp(MigrateOperation):
    name: str
    source: str
    referent: str
    local: Sequence[str]
    remote: Sequence[str]
    schema: str | None = None
    referent_schema: str | None = None
    ondelete: str | None = None
    onupdate: str | None = None
    deferrable: bool | None = None
    initially: str | None = None

    @classmethod
    def online_add_foreign_key(
        cls,
        operations: Operations,
        constraint_name: str,
        source_table: str,
        referent_table: str,
        local_cols: Sequence[str],
        remote_cols: Sequence[str],
        *,
        ondelete: str | None = None,
        onupdate: str | None = None,
        deferrable: bool | None = None,
        initially: str | None = None,
        source_schema: str | None = None,
        referent_schema: str | None = None,
    ) -> None:
        """Locks the table that refers, then the one that is referred to: SHARE ROW EXCLUSIVE, which lets readers by."""
        operation = cls(
            name=constraint_name,
            source=source_table,
            referent=referent_table,
            local=local_cols,
            remote=remote_cols,
            schema=source_schema,
            referent_schema=referent_schema,
            ondelete=ondelete,
            onupdate=onupdate,
            deferrable=deferrable,
            initially=initially,
        )
        operations.invoke(operation)

    def reverse(self) -> OnlineDropConstraintOp:
        return OnlineDropConstraintOp(name=self.name, table=self.source, schema=self.schema)


@Operations.register_operation("online_add_check")
@dataclass(slots=True, kw_only=True, eq=False)
class OnlineAddCheckOp(MigrateOperation):
    name: str
    table: str
    condition: CheckCondition
    schema: str | None = None

    @classmethod
    def online_add_check(
        cls,
        operations: Operations,
        constraint_name: str,
        table_name: str,
        condition: CheckCondition,
        *,
        schema: str | None = None,
    ) -> None:
        operations.invoke(cls(name=constraint_name, table=table_name, condition=condition, schema=schema))

    def reverse(self) -> OnlineDropConstraintOp:
        return OnlineDropConstraintOp(name=self.name, table=self.table, schema=self.schema)


@Operations.register_operation("online_add_unique")
@dataclass(slots=True, kw_only=True, eq=False)
class OnlineAddUniqueOp(MigrateOperation):
    name: str
    table: str
    columns: Sequence[str]
    schema: str | None = None

    @classmethod
    def online_add_unique(
        cls,
        operations: Operations,
        constraint_name: str,
        table_name: str,
        columns: Sequence[str],
        *,
        schema: str | None = None,
    ) -> None:
        operations.invoke(cls(name=constraint_name, table=table_name, columns=columns, schema=schema))

    def reverse(self) -> OnlineDropConstraintOp:
        return OnlineDropConstraintOp(name=self.name, table=self.table, schema=self.schema)


@Operations.register_operation("online_drop_constraint")
@dataclass(slots=True, kw_only=True, eq=False)
class OnlineDropConstraintOp(MigrateOperation):
    name: str
    table: str
    schema: str | None = field(default=None)

    @classmethod
    def online_drop_constraint(
        cls, operations: Operations, constraint_name: str, table_name: str, *, schema: str | None = None
    ) -> None:
        operations.invoke(cls(name=constraint_name, table=table_name, schema=schema))


@Operations.implementation_for(OnlineAddForeignKeyOp)
def _add_foreign_key(operations: Operations, key: OnlineAddForeignKeyOp) -> None:
    with steps(operations) as online:
        relation = online.existing(key.source, key.schema)
        referent = online.existing(key.referent, key.referent_schema)
        named = key.name
        if online.looking is not None and (found := _key_like(online.looking, key, relation, referent)):
            named = found.name
        else:
            _require_free(online, relation, key.name)
            constraint = operations.schema_obj.foreign_key_constraint(
                key.name,
                relation.table,
                referent.table,
                list(key.local),
                list(key.remote),
                source_schema=relation.schema,
                referent_schema=referent.schema,
                ondelete=key.ondelete,
                onupdate=key.onupdate,
                deferrable=key.deferrable,
                initially=key.initially,
                postgresql_not_valid=True,
            )
            title = f"adding {key.name} to {relation}, which refers to {referent}"
            online.add_constraint(title, relation, key.name, rendered(AddConstraint(constraint)))
        online.validate(relation, named)


def _key_like(
    looking: Looking, key: OnlineAddForeignKeyOp, relation: Relation, referent: Relation
) -> Constraint | None:
    """One that does the same, whatever its name; the one of that name first."""
    to = looking.table(referent)
    wanted = (
        tuple(key.local),
        to.oid if to else None,
        tuple(key.remote),
        _action(key.ondelete),
        _action(key.onupdate),
        bool(key.deferrable),
        (key.initially or "").upper() == "DEFERRED",
    )
    found = [
        one
        for one in looking.constraints(relation, "f")
        if (one.columns, one.to_relation, one.to_columns, one.on_delete, one.on_update) == wanted[:5]
        and (one.is_deferrable, one.is_deferred) == wanted[5:]
    ]
    return min(found, key=lambda one: one.name != key.name, default=None)


def _action(words: str | None) -> str:
    return _ACTIONS[" ".join(words.upper().split()) if words else None]


@Operations.implementation_for(OnlineAddCheckOp)
def _add_check(operations: Operations, check: OnlineAddCheckOp) -> None:
    with steps(operations) as online:
        add_check(online, check)


def add_check(online: Steps, check: OnlineAddCheckOp) -> None:
    relation = online.existing(check.table, check.schema)
    named = check.name
    if online.looking is not None and (found := _check_like(online, check, relation)):
        named = found.name
    else:
        _require_free(online, relation, check.name)
        statement = _adding_check(online, check, relation)
        online.add_constraint(f"adding {check.name} to {relation}", relation, check.name, statement)
    online.validate(relation, named)


def _adding_check(online: Steps, check: OnlineAddCheckOp, relation: Relation) -> str:
    constraint = online.operations.schema_obj.check_constraint(
        check.name if relation is not COPY else "online_check",
        relation.table,
        literally(check.condition) if isinstance(check.condition, str) else check.condition,
        schema=relation.schema,
        postgresql_not_valid=True,
    )
    return rendered(AddConstraint(constraint))


def _check_like(online: Steps, check: OnlineAddCheckOp, relation: Relation) -> Constraint | None:
    if online.looking is None:
        return None
    looking, adding = online.looking, _adding_check(online, check, COPY)
    as_made = online.asked(lambda: looking.check_as_made(relation, adding))
    found = [one for one in looking.constraints(relation, "c") if as_made and one.does == as_made.does]
    return min(found, key=lambda one: one.name != check.name, default=None)


def _require_free(online: Steps, relation: Relation, name: str) -> None:
    taken = online.looking is not None and any(one.name == name for one in online.looking.constraints(relation))
    if taken:
        raise SchemaNotReady(
            f"The name {name} is taken by another constraint of {relation}.", "Rename that one, then run again."
        )


@Operations.implementation_for(OnlineAddUniqueOp)
def _add_unique(operations: Operations, unique: OnlineAddUniqueOp) -> None:
    with steps(operations) as online:
        relation = online.existing(unique.table, unique.schema)
        if online.looking is not None:
            if any(
                one.columns == tuple(unique.columns) and not one.is_deferrable
                for one in online.looking.constraints(relation)
                if one.kind in {"u", "p"}
            ):
                return
            _require_free(online, relation, unique.name)
        build_index(
            online,
            OnlineIndexOp(
                name=unique.name, table=unique.table, columns=unique.columns, schema=unique.schema, unique=True
            ),
        )
        _use_index(online, relation, unique)


def _use_index(online: Steps, relation: Relation, unique: OnlineAddUniqueOp) -> None:
    """An index that was there under another name becomes the constraint, and takes its name."""
    columns = ", ".join(quoted(column) for column in unique.columns)
    found = () if online.looking is None else online.looking.indexes(relation)
    serving = {one.name for one in found if one.is_valid and one.is_unique and one.does == f"USING btree ({columns})"}
    index = unique.name if unique.name in serving or not serving else min(serving)
    statement = written("use_index", table=relation.quoted, name=quoted(unique.name), index=quoted(index))
    title = f"making index {index} of {relation} a constraint"
    online.add_constraint(title, relation, unique.name, statement)


@Operations.implementation_for(OnlineDropConstraintOp)
def _drop_constraint(operations: Operations, operation: OnlineDropConstraintOp) -> None:
    with steps(operations) as online:
        online.drop_constraint(online.relation(operation.table, operation.schema), operation.name)

"""A second column that always says what a first one says: by a trigger for rows to come, and filled in for others."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Column
from sqlalchemy.types import TypeEngine

from backfill.alembic.directives.columns import add_bare_column, set_not_null
from backfill.alembic.directives.looking import Looking
from backfill.alembic.directives.rendering import Relation, as_text, literally, made_up_name, quoted, written
from backfill.alembic.directives.steps import Steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """`expression` gives the value of `target` from the row; `both_ways`: a writer of either column is followed."""

    relation: Relation
    source: str
    target: str
    expression: str
    both_ways: bool = False

    @property
    def name(self) -> str:
        """Of the trigger and its function. Triggers fire in the order of their names: after all others, whose values
        are to be mirrored."""
        return made_up_name("zz_online", self.relation.table, sorted([self.source, self.target]))

    @property
    def function(self) -> str:
        return self.relation.beside(self.name).quoted

    def is_there(self, looking: Looking) -> bool:
        return any(one.is_enabled and one.name == self.name == one.function for one in looking.triggers(self.relation))

    def function_statement(self) -> str:
        parts = {"function": self.function, "source": quoted(self.source), "target": quoted(self.target)}
        if self.both_ways:
            return written("mirror_both_ways", **parts)
        return written("mirror_converted", **parts, expression=self.expression, alias=quoted(self.relation.table))

    def dropping_trigger(self) -> str:
        return written("drop_trigger", trigger=quoted(self.name), table=self.relation.quoted)

    def drop_function(self, online: Steps) -> None:
        online.drop_function(self.relation.beside(self.name))


def mirror(online: Steps, wanted: Mirror, type_: TypeEngine[object], *, not_null: bool) -> None:
    """In the end `target` is right in every row, and stays so."""
    relation = wanted.relation
    add_bare_column(online, relation, Column(wanted.target, type_))
    _install(online, wanted)
    target = quoted(wanted.target)
    # As text: a type need not know what is equal, and json does not.
    missing = f"CAST({target} AS text) IS DISTINCT FROM CAST(({wanted.expression}) AS text)"
    online.fill(relation, {"column": target, "value": wanted.expression, "missing": missing})
    if not_null:
        set_not_null(online, relation, wanted.target)


def handing_over(
    online: Steps, relation: Relation, names: tuple[str, str], default: str | None, *, asked: str = ""
) -> list[str]:
    """Statements that give the default of the first column to the second, with the sequence that it owns.

    `asked`: what the first one is called now, where it is to be renamed before.
    """
    table, (source, target) = relation.quoted, (quoted(names[0]), quoted(names[1]))
    statements: list[str] = []
    if default is not None:
        statements.append(written("set_default", table=table, column=target, default=default))
        statements.append(written("drop_default", table=table, column=source))
    if online.looking is not None and (sequence := online.looking.sequence_of(relation, asked or names[0])):
        statements.append(written("own_sequence", sequence=sequence, table=table, column=target))
    return statements


def _install(online: Steps, wanted: Mirror) -> None:
    if online.looking is not None and wanted.is_there(online.looking):
        return
    online.ddl.execute(literally(wanted.function_statement()))
    relation = wanted.relation
    creating = written("create_trigger", trigger=quoted(wanted.name), table=relation.quoted, function=wanted.function)
    if online.looking is None:
        parts = {"table_text": as_text(relation.quoted), "name_text": as_text(wanted.name), "statement": creating}
        creating = written("if_no_trigger", **parts)
    online.under_lock(
        f"mirroring {wanted.source} of {relation} in {wanted.target}",
        *([] if online.looking is None else [wanted.dropping_trigger()]),
        creating,
        done=wanted.is_there,
    )

"""What every directive is made of: steps under short locks, passed over where the catalog says that they are done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TypeVar

from alembic.operations import Operations
from sqlalchemy.exc import DBAPIError

from backfill.alembic.directives.looking import PARTITIONED, Looking
from backfill.alembic.directives.rendering import Relation, as_text, literally, quoted, written
from backfill.alembic.online_ddl import OnlineDdl
from backfill.runs.errors import SchemaNotReady, UsageError

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """`looking` is None in a script for any database, where nobody can be asked; so is `schema`, the default one."""

    operations: Operations
    ddl: OnlineDdl
    looking: Looking | None
    schema: str | None

    def relation(self, table: str, schema: str | None) -> Relation:
        return Relation(table=table, schema=schema or self.schema)

    def existing(self, table: str, schema: str | None) -> Relation:
        """Raises SchemaNotReady where there is no such table; a partitioned one is not served."""
        relation = self.relation(table, schema)
        if self.looking is None:
            return relation
        found = self.looking.table(relation)
        if found is None:
            raise SchemaNotReady(f"There is no table {relation}.", "Check the revision, and DATABASE_URL.")
        if found.kind == PARTITIONED:
            what = f"{relation} is partitioned: PostgreSQL cannot do that to it without a long lock."
            raise UsageError(what, "Do it for each partition by its name, then for the whole by op.execute.")
        return relation

    def under_lock(self, title: str, *statements: str, done: Callable[[Looking], bool]) -> None:
        """In one transaction. In a script `statements` must do no harm when they are run again."""
        looking = self.looking
        self.ddl.under_lock(
            title, [literally(one) for one in statements], done=lambda _: looking is not None and done(looking)
        )

    def add_constraint(self, title: str, relation: Relation, name: str, statement: str) -> None:
        """`statement` where there is none of that name; what else is there has been asked before."""
        looking = self.looking
        if looking is None:
            parts = {"table_text": as_text(relation.quoted), "name_text": as_text(name), "statement": statement}
            statement = written("if_no_constraint", **parts)
        self.under_lock(title, statement, done=lambda at: any(one.name == name for one in at.constraints(relation)))

    def validate(self, relation: Relation, name: str) -> None:
        def done(looking: Looking) -> bool:
            return any(one.name == name and one.is_validated for one in looking.constraints(relation))

        statement = written("validate_constraint", table=relation.quoted, name=quoted(name))
        self.under_lock(f"validating {name} of {relation}", statement, done=done)

    def drop_constraint(self, relation: Relation, name: str) -> None:
        self.under_lock(
            f"dropping {name} of {relation}",
            written("drop_constraint", table=relation.quoted, name=quoted(name)),
            done=lambda looking: all(one.name != name for one in looking.constraints(relation)),
        )

    def _is_filled(self, relation: Relation, parts: Mapping[str, str]) -> bool:
        """As far as that can be asked: an earlier step of a script may have to make the column first."""
        if self.looking is None or not any(quoted(name) == parts["column"] for name in self.looking.columns(relation)):
            return False
        return not self.looking.finds(relation, parts["missing"])

    def asked(self, question: Callable[[], Answer]) -> Answer | None:
        """None where a script is made for one database, and an earlier step of it has not been run there yet."""
        try:
            return question()
        except DBAPIError:
            if self.ddl.runs:
                raise
            return None

    def drop_function(self, function: Relation) -> None:
        if self.looking is None or self.looking.function_body(function) is not None:
            self.ddl.execute(literally(written("drop_function", function=function.quoted)))

    def fill(self, relation: Relation, parts: Mapping[str, str]) -> None:
        """`column`, `value`, and `missing`: what is true of a row that is still to be filled."""
        named = {"table": relation.quoted, **parts}
        if not self.ddl.runs and self._is_filled(relation, parts):
            return
        self.ddl.tell(f"filling {parts['column']} of {relation}")
        if self.ddl.runs:
            escaped = {name: part.replace(":", "\\:") for name, part in named.items()}
            self.ddl.fill_blocks(relation.quoted, written("fill_blocks", **escaped), alone=True)
        else:
            named["table_text"] = as_text(relation.quoted)
            self.ddl.execute(literally(written("fill_in_script", **named)))


@contextmanager
def steps(operations: Operations) -> Iterator[Steps]:
    """Each step is a transaction of its own, so what the revision has done before is committed.

    Within `autocommit_block()` already, the steps are done there. The search path may be set for transactions only:
    the default schema is asked for while there is one.
    """
    context = operations.migration_context
    looked_at = context.opts.get("look_at") if context.as_sql else context.connection
    looking = None if looked_at is None else Looking(looked_at)
    schema = None if looking is None else looking.schema()
    with nullcontext() if looking is not None and looking.in_autocommit else context.autocommit_block():
        yield Steps(operations=operations, ddl=OnlineDdl(context), looking=looking, schema=schema)

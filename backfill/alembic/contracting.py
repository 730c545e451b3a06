"""Makes a revision of a definition's contract step, for the application's own chain; nothing is executed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError, rev_id

from backfill.definitions.contract import ColumnOf, Contract
from backfill.definitions.definition import Definition
from backfill.runs.errors import SchemaNotReady, UsageError
from backfill.sql.needs import IndexNeed
from backfill.sql.tables import PUBLIC

IMPORTS = "import backfill.alembic  # noqa: F401 - adds the directives to op"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One call of `op` in the revision; `unless` comments it out, with the reason."""

    directive: str
    arguments: tuple[Any, ...]
    options: dict[str, Any] = field(default_factory=dict)
    unless: str = ""

    @property
    def call(self) -> str:
        words = [*map(repr, self.arguments), *(f"{name}={value!r}" for name, value in self.options.items())]
        return f"op.{self.directive}({', '.join(words)})"


def spelled(lines: Sequence[Line]) -> Iterator[str]:
    """As they stand in the revision; a reason is told once for the lines that it is for."""
    reason = ""
    for line in lines:
        if line.unless and line.unless != reason:
            yield f"# Not while {line.unless}:"
        yield f"# {line.call}" if line.unless else line.call
        reason = line.unless


def upgrade_of(definition: Definition) -> tuple[Line, ...]:
    """Raises UsageError where its author has said nothing of it."""
    contract = _contract(definition)
    return (
        Line(directive="require_backfill", arguments=(definition.name,)),
        *(_building(need) for need in contract.indexes),
        *(_on_column("online_set_not_null", one) for one in contract.not_null),
        *_dropping_functions(definition, contract),
        *(_dropping(need) for need in contract.drop_indexes),
        *(_on_column("online_drop_column", one) for one in contract.drop_columns),
    )


def downgrade_of(definition: Definition) -> tuple[Line, ...]:
    """What was dropped is made again by the revision that had made it, then what was tightened is loosened."""
    contract = _contract(definition)
    revision = contract.made_again_by or (definition.needs.revision.id if definition.needs.revision else None)
    drops_triggers = definition.needs.triggers and not contract.keep_triggers_while
    again = drops_triggers or contract.drop_indexes or contract.drop_columns
    if again and revision is None:
        what = f"{definition.name} names no revision that makes its triggers again."
        raise UsageError(what, "Its author can: Contract(made_again_by=...), or Needs(revision=...).")
    return (
        *([Line(directive="redo_revision", arguments=(revision,))] if again else []),
        *(_on_column("online_drop_not_null", one) for one in reversed(contract.not_null)),
        *(_dropping(need) for need in reversed(contract.indexes)),
    )


def revision_in(definition: Definition, folder: Path) -> Script | None:
    """The one that has been written before. Raises SchemaNotReady where the chain cannot be read."""
    message = _message(definition)
    try:
        scripts = ScriptDirectory(str(folder)).walk_revisions()
        return next((one for one in scripts if one.doc.rstrip(".").lower() == message), None)
    except CommandError as error:
        raise SchemaNotReady(f"The chain cannot be read: {error}", "See alembic history.") from error


def write_revision(definition: Definition, folder: Path) -> Script:
    """After the head of the chain in `folder`. Raises SchemaNotReady where it has no single one, or has it already."""
    if (there := revision_in(definition, folder)) is not None:
        raise SchemaNotReady(f"The chain has this revision already: {there.revision}.", "Run alembic upgrade head.")
    try:
        made = ScriptDirectory(str(folder)).generate_revision(
            rev_id(),
            _message(definition),
            head="head",
            upgrades=_body(_contract(definition).when, upgrade_of(definition)),
            downgrades=_body("", downgrade_of(definition)),
            imports=IMPORTS,
        )
    except CommandError as error:
        raise SchemaNotReady(f"No revision could be written: {error}", "See alembic heads.") from error
    if made is None:
        raise SchemaNotReady("Alembic wrote no revision.", "See alembic heads.")
    return made


def _message(definition: Definition) -> str:
    return f"contract {definition.name}"


def _body(comment: str, lines: tuple[Line, ...]) -> str:
    text = "\n".join([*(f"# {words}" for words in comment.splitlines()), *spelled(lines)])
    return text.replace("\n", "\n    ")


def _contract(definition: Definition) -> Contract:
    if definition.contract is None:
        raise UsageError(
            f"{definition.name} says nothing of its contract step.",
            "Its author can: Definition(contract=Contract(...)).",
        )
    return definition.contract


def _dropping_functions(definition: Definition, contract: Contract) -> Iterator[Line]:
    named = {(need.function, need.schema): None for need in definition.needs.triggers if need.function}
    for function, schema in named:
        yield Line(
            directive="online_drop_trigger_function",
            arguments=(function,),
            options=_schema(schema),
            unless=contract.keep_triggers_while,
        )


def _building(need: IndexNeed) -> Line:
    options = {**_schema(need.schema), **({"unique": True} if need.is_unique else {})}
    return Line(directive="online_create_index", arguments=(need.name, need.table, list(need.columns)), options=options)


def _dropping(need: IndexNeed) -> Line:
    return Line(directive="online_drop_index", arguments=(need.name, need.table), options=_schema(need.schema))


def _on_column(directive: str, column: ColumnOf) -> Line:
    arguments = (column.table, column.name)
    return Line(directive=directive, arguments=arguments, options=_schema(column.schema), unless=column.unless)


def _schema(name: str) -> dict[str, Any]:
    return {} if name == PUBLIC else {"schema": name}

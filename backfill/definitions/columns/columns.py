"""The class that an author of a set-based backfill writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.definitions.columns.backfill import ColumnsBackfill
from backfill.definitions.columns.declaration import Declaration
from backfill.definitions.columns.needs import needs_of
from backfill.definitions.columns.reading import declaration_of
from backfill.definitions.contract import Contract
from backfill.definitions.declared import Declared
from backfill.definitions.definition import Definition
from backfill.definitions.hooks import Hooks
from backfill.definitions.keepers.keeper import BY_TRIGGER, SyncTrigger
from backfill.definitions.parameters import require_usable, sample_of
from backfill.sql.transactions import Limits


class Columns(Declared):
    """Which table, and what is right for columns of it:

        class EmailNormalized(Columns):
            \"\"\"Gives every customer the address in lower case that they are found by.\"\"\"

            table = Customer
            sets = {Customer.email_normalized: func.lower(func.btrim(Customer.email))}

    `table` is a mapped class or a Table with a primary key. `sets` has an expression for each column: over the row
    itself, or with correlated scalar subqueries. It must not read what it sets.

    Rows are written where they differ from the expression, and only there. A run has verified in the end that no row
    `IS DISTINCT FROM` it.

    May be left out:
    `name`        what operators type; from the class name, email-normalized here
    `where`       which rows belong to it; must not read what is set
    `todo`        which rows may need work: cheap, and only for finding them. What is right never follows from it
    `check`       which rows are right, in place of the comparison with the expressions
    `order_by`    columns, NOT NULL, that the walk follows before the primary key, such as the time of creation where
                  that is how rows lie on disk; an index must be there that begins with them and ends with that key
    `batch_rows`  rows per transaction at most, however many an operator allows
    `kept_by`     who keeps rows right while the application writes: "trigger", the one that `sync_trigger` makes of the
                  same expressions (a run refuses to start without it); "application", which writes the columns itself;
                  "frozen", as rows do not change; or a `SyncTrigger` of your own
    `Parameters`  a class in this one, derived from pydantic's BaseModel: what is given for a run. `sets`, its values,
                  `where`, `todo` and `check` may then be functions of them: where = lambda p: User.country == p.country
    `version`     of the definition, a text, to be raised when what is right changes
    `hooks`       what is told of its runs
    `contract`    what `backfill contract` makes a revision of
    """

    table: ClassVar[Any]
    sets: ClassVar[Mapping[Any, Any]]
    where: ClassVar[Any] = None
    todo: ClassVar[Any] = None
    check: ClassVar[Any] = None
    order_by: ClassVar[Any | Sequence[Any]] = ()
    batch_rows: ClassVar[int | None] = None
    kept_by: ClassVar[str | SyncTrigger] = BY_TRIGGER
    Parameters: ClassVar[type[BaseModel] | None] = None
    version: ClassVar[str] = "1"
    hooks: ClassVar[Hooks] = Hooks()
    database: ClassVar[str] = ""
    contract: ClassVar[Contract | None] = None

    _declaration: ClassVar[Declaration]
    _definition: ClassVar[Definition]

    def __init_subclass__(cls) -> None:
        """Raises AuthorsMistake."""
        super().__init_subclass__()
        if cls.is_complete():
            model = cls.Parameters
            if model is not None:
                require_usable(model)
            cls._declaration = declaration_of(cls, None if model is None else sample_of(model))
            cls._definition = Definition(
                name=cls._declaration.name,
                about=cls._declaration.about,
                bind=partial(ColumnsBackfill, cls._declaration) if model is None else cls._bind,
                parameters=model,
                needs=needs_of(cls._declaration),
                version=cls.version,
                hooks=cls.hooks,
                database=cls.database,
                wrong_rows=cls._declaration.wrong_rows,
                contract=cls.contract,
            )

    @classmethod
    def _bind(cls, engine: AsyncEngine, limits: Limits, parameters: BaseModel) -> ColumnsBackfill:
        return ColumnsBackfill(declaration_of(cls, parameters), engine, limits)

    @classmethod
    def is_complete(cls) -> bool:
        return hasattr(cls, "table") and hasattr(cls, "sets")

    @classmethod
    def definition(cls) -> Definition:
        return cls._definition

    @classmethod
    def declaration(cls) -> Declaration:
        """What the class says, validated; where it has parameters, with a sample of them."""
        return cls._declaration

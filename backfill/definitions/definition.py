"""A backfill as its author hands it over: a name, a sentence, and how to bind it to a database."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.definitions.contract import Contract
from backfill.definitions.hooks import Hooks
from backfill.definitions.parameters import require_usable, sample_of
from backfill.engine.protocols import Previewable
from backfill.sql.needs import Needs
from backfill.sql.transactions import Limits

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
# It is a part of the names under which a run is rung for.
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,31}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """`name` is what operators type: lower-case letters, digits and hyphens, at most 64. ValueError for any other.

    `about` says in one sentence what a run fills in. `bind` connects to nothing: it is called in every process that
    has to do with backfills, also where only progress is looked at. `needs` is what it relies on in the schema;
    with its revision there, `backfill schema` can add what is missing.

    `parameters` is a pydantic model of what is given for a run. `bind` then takes a third argument, an instance of
    it: `bind(engine, limits, parameters)`. It is called once for each parameters that a process has to do with, and
    once with `sample()` for what must not depend on their values: the rules, the schema, the rights. Without
    `parameters` it is called with two arguments, once. Parameters are shown wherever the run is, so a model with a
    SecretStr in it is refused. A run keeps those that it was started with: they are part of what it is.

    `version` is raised by the author when what is right for a row, the order of the units or the meaning of a
    parameter changes: letters, digits and `._+-`, at most 32. A run is worked on by workers of its version alone.
    `hooks` are called when a run starts, rests or ends. `wrong_rows` gives a SELECT that finds a row which is not
    right, for scripts of Alembic, which have to ask in one statement; without it they refuse. `contract` is the last
    step of the change.

    `after` names backfills whose latest run must have succeeded before one of this may start. `not_here` is asked in
    each worker, again and again: why this one must not take its runs, in a sentence for the operator, or None. It is
    for what a worker needs besides the database, such as a mounted folder, and has to answer at once.

    `database` is the name of the one that it is for, as the setting DATABASES has it; '' is DATABASE_URL.

    Kinds of definitions that are classes take `parameters` from a class `Parameters(BaseModel)` inside of the class,
    `version`, `hooks` and `database` from attributes of these names; where they take a function in place of a value, it
    is called with the parameters (`backfill.definitions.parameters.resolved`).
    """

    name: str
    about: str
    bind: Callable[..., Previewable]
    needs: Needs = field(default_factory=Needs)
    parameters: type[BaseModel] | None = None
    version: str = "1"
    hooks: Hooks = field(default_factory=Hooks)
    wrong_rows: Callable[[], str] | None = None
    contract: Contract | None = None
    after: tuple[str, ...] = ()
    not_here: Callable[[], str | None] | None = None
    database: str = ""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no name for a backfill: lower-case letters, digits and hyphens")
        if str(self.version) != self.version or not _VERSION.fullmatch(self.version):
            raise ValueError(f"{self.version!r} is no version of a backfill: a text of letters, digits and ._+-")
        if self.parameters is not None:
            require_usable(self.parameters)

    def sample(self) -> BaseModel | None:
        """Parameters for what does not depend on their values; None where there are no parameters."""
        return None if self.parameters is None else sample_of(self.parameters)

    def bound(self, engine: AsyncEngine, limits: Limits, parameters: BaseModel | None = None) -> Previewable:
        """Bound with the parameters of a run; where there are parameters and none are given, with a sample."""
        if self.parameters is None:
            return self.bind(engine, limits)
        return self.bind(engine, limits, parameters or self.sample())

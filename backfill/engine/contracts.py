"""What of a definition belongs to its runs and not to its tables: parameters and version, and binding with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from backfill.engine.hooking import HookSet
from backfill.engine.preflight import find_backfill, require_known
from backfill.engine.protocols import Previewable
from backfill.runs.errors import InvalidParameters, Mistake
from backfill.runs.parameters import load_parameters
from backfill.runs.terms import Terms


class Contract(Protocol):
    """One definition, as whoever starts and works on its runs sees it. Parameters are canonical JSON, '' for none."""

    @property
    def version(self) -> str: ...

    @property
    def hooks(self) -> HookSet: ...

    @property
    def after(self) -> Sequence[str]:
        """Backfills whose latest run must have succeeded before one of this may start."""
        ...

    @property
    def needs_surroundings(self) -> bool: ...

    def why_not_here(self) -> str | None:
        """Why this process must not take its runs. Blocks, and raises nothing."""
        ...

    @property
    def schema(self) -> Mapping[str, Any] | None:
        """The JSON schema of its parameters; None where it takes none."""
        ...

    def accepted(self, given: Mapping[str, Any]) -> str:
        """What a run would be started with. Raises InvalidParameters."""
        ...

    def value_of(self, name: str, text: str) -> Any:
        """The JSON value that somebody means who typed `text` for a parameter."""
        ...

    def bound(self, parameters: str) -> Previewable:
        """Once for equal ones. Raises InvalidParameters."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfills:
    """All that a process knows: `bound` with parameters that stand for any, and the contracts of those that have one.

    `broken` are places that should hold definitions, with why there is none; `databases` has those that are for another
    one than DATABASE_URL, by the backfill's name.
    """

    bound: Mapping[str, Previewable]
    contracts: Mapping[str, Contract] = field(default_factory=dict)
    broken: Mapping[str, str] = field(default_factory=dict)
    databases: Mapping[str, str] = field(default_factory=dict)

    def terms(self, name: str, given: Mapping[str, Any]) -> Terms:
        """As what a run would be started now. Raises UnknownBackfill, InvalidParameters."""
        require_known(self.bound, name, self.broken)
        contract = self.contracts.get(name)
        if contract is None:
            _require_none(given)
            return Terms()
        database = self.databases.get(name, "")
        return Terms(version=contract.version, parameters=contract.accepted(given), database=database)

    def find(self, name: str, given: Mapping[str, Any] | None = None) -> Previewable:
        """Guarded, and bound with those parameters; None: for what does not depend on them.

        Raises UnknownBackfill, InvalidParameters.
        """
        if given is None:
            return find_backfill(self.bound, name, self.broken)
        return find_backfill({name: self.with_parameters(name, self.terms(name, given).parameters)}, name)

    def with_parameters(self, name: str, parameters: str) -> Previewable:
        """As a run has it that has these. Raises InvalidParameters where the definition takes others by now."""
        contract = self.contracts.get(name)
        if contract is None or contract.schema is None:
            _require_none(load_parameters(parameters))
            return self.bound[name]
        return contract.bound(parameters)

    def after(self, name: str) -> Sequence[str]:
        contract = self.contracts.get(name)
        return () if contract is None else contract.after

    def why_not_here(self, name: str) -> str | None:
        contract = self.contracts.get(name)
        return None if contract is None else contract.why_not_here()

    @property
    def have_surroundings(self) -> bool:
        """Whether any of them needs something of its worker besides the database."""
        return any(contract.needs_surroundings for contract in self.contracts.values())

    def versions(self) -> dict[str, str]:
        return {name: contract.version for name, contract in self.contracts.items()}

    def schemas(self) -> dict[str, Mapping[str, Any] | None]:
        """Of the parameters of each, by name; None where it takes none."""
        return {name: one.schema if (one := self.contracts.get(name)) else None for name in self.bound}


def _require_none(given: Mapping[str, Any]) -> None:
    if given:
        raise InvalidParameters([Mistake(at=name, message="There is no such parameter") for name in given], takes="")

"""A definition on its database: bound once for the parameters of each run that this process has to do with."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.definitions.definition import Definition
from backfill.definitions.parameters import accepted, as_json, of_text, schema_of
from backfill.engine.guard import told_by_class
from backfill.engine.hooking import HookSet
from backfill.engine.protocols import Previewable
from backfill.runs.errors import DefinitionFailed, InvalidParameters, Mistake, OperatorError
from backfill.runs.parameters import dump_parameters, load_parameters
from backfill.sql.transactions import Limits

MOST_BOUND = 16
MEND = "Mend the definition: its model has to accept what it writes itself, and must raise nothing but ValueError."


class BoundDefinition:
    """What `backfill.engine.contracts.Contract` describes."""

    def __init__(self, definition: Definition, engine: AsyncEngine, limits: Limits) -> None:
        self._definition = definition
        self._engine = engine
        self._limits = limits
        self._bound: OrderedDict[str, Previewable] = OrderedDict()

    @property
    def version(self) -> str:
        return self._definition.version

    @property
    def hooks(self) -> HookSet:
        return self._definition.hooks

    @property
    def after(self) -> tuple[str, ...]:
        return self._definition.after

    @property
    def needs_surroundings(self) -> bool:
        return self._definition.not_here is not None

    def why_not_here(self) -> str | None:
        if self._definition.not_here is None:
            return None
        try:
            return self._definition.not_here()
        except OperatorError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - an author's code may raise anything
            return told_by_class("not_here", error)

    @cached_property
    def schema(self) -> Mapping[str, Any] | None:
        model = self._definition.parameters
        return None if model is None else schema_of(model)

    def accepted(self, given: Mapping[str, Any]) -> str:
        model = self._model(given)
        return "" if model is None else dump_parameters(as_json(model))

    def value_of(self, name: str, text: str) -> Any:
        model = self._definition.parameters
        return text if model is None else of_text(model, name, text)

    def bound(self, parameters: str) -> Previewable:
        """The ones used last are kept."""
        if parameters not in self._bound:
            model = self._model(load_parameters(parameters))
            self._bound[parameters] = self._definition.bound(self._engine, self._limits, model)
        self._bound.move_to_end(parameters)
        while len(self._bound) > MOST_BOUND:
            self._bound.popitem(last=False)
        return self._bound[parameters]

    def _model(self, given: Mapping[str, Any]) -> BaseModel | None:
        model = self._definition.parameters
        if model is None:
            if given:
                unknown = [Mistake(at=name, message="There is no such parameter") for name in given]
                raise InvalidParameters(unknown, takes="")
            return None
        try:
            parameters = accepted(model, given)
            again = accepted(model, as_json(parameters))
        except InvalidParameters:
            raise
        except Exception as error:  # noqa: BLE001 - a validator of the author's may raise anything
            raise DefinitionFailed(f"{told_by_class('The model of the parameters', error)}.", MEND) from None
        if again != parameters:
            raise DefinitionFailed("The model of the parameters reads something else than it has written.", MEND)
        return parameters

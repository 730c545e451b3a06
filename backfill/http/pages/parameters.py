"""The parameters of a backfill as fields of a form: made from their JSON schema, and read back as JSON values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from backfill.engine.contracts import Contract
from backfill.runs.errors import InvalidParameters, OperatorError, UsageError

# Before the name of a parameter in the name of its field, so that none is taken for a part of the pace.
PREFIX = "p."
# A whole object, as the form that starts a run like another one has it.
ALL = "parameters"
_KINDS = {"integer": "number", "number": "number", "boolean": "checkbox", "array": "json", "object": "json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """`kind` is text, number, date, checkbox, select or json; `more` are further attributes of an input. `value` is
    what was typed, or the default; `error` is empty where nothing is wrong."""

    name: str
    label: str
    kind: str
    value: str
    required: bool
    about: str
    options: tuple[str, ...]
    more: Mapping[str, str]
    error: str


def fields_of(
    schema: Mapping[str, Any] | None, typed: Mapping[str, str], error: OperatorError | None
) -> tuple[Field, ...]:
    """In the order in which the author has them."""
    if schema is None:
        return ()
    mistakes = error.mistakes if isinstance(error, InvalidParameters) else ()
    wrong = {one.at.partition(".")[0]: one.message for one in reversed(mistakes)}
    required = schema.get("required", ())
    known = schema.get("$defs", {})
    return tuple(
        _described(name, one, known, required=name in required).field(typed.get(PREFIX + name), wrong.get(name, ""))
        for name, one in schema.get("properties", {}).items()
    )


def given_in(form: Mapping[str, str], contract: Contract | None) -> dict[str, Any]:
    """What a form has, as JSON values; an empty field is not given. Raises UsageError."""
    if contract is None or contract.schema is None:
        return {}
    if ALL in form:
        return _whole(form[ALL])
    pairs = ((name.removeprefix(PREFIX), text) for name, text in form.items() if name.startswith(PREFIX))
    return {name: contract.value_of(name, text) for name, text in pairs if text}


def _whole(text: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise UsageError("The form cannot be read.", "Load the page again.")
    return values


@dataclass(frozen=True, slots=True, kw_only=True)
class _Described:
    """One property of a schema, with references followed and `null` taken out of its kinds."""

    name: str
    schema: Mapping[str, Any]
    required: bool

    def field(self, typed: str | None, error: str) -> Field:
        kind = self._kind()
        return Field(
            name=PREFIX + self.name,
            label=str(self.schema.get("title", self.name)),
            kind=kind,
            value=self._default() if typed is None else typed,
            required=self.required and kind != "checkbox",
            about=str(self.schema.get("description", "")),
            options=tuple(map(_text_of, self._options())),
            more=dict(self._limits()),
            error=error,
        )

    def _options(self) -> list[Any]:
        if "const" in self.schema:
            return [self.schema["const"]]
        options: list[Any] = self.schema.get("enum", [])
        return options

    def _kind(self) -> str:
        if self._options():
            return "select"
        if self.schema.get("format") == "date":
            return "date"
        return _KINDS.get(str(self.schema.get("type")), "text")

    def _default(self) -> str:
        default = self.schema.get("default")
        return "" if default is None else _text_of(default)

    def _limits(self) -> Iterator[tuple[str, str]]:
        if self.schema.get("type") == "number":
            yield "step", "any"
        names = {"minimum": "min", "maximum": "max", "maxLength": "maxlength", "pattern": "pattern"}
        for name, attribute in names.items():
            if name in self.schema:
                yield attribute, str(self.schema[name])
        if self.schema.get("examples"):
            yield "placeholder", _text_of(self.schema["examples"][0])


def _described(name: str, schema: Mapping[str, Any], known: Mapping[str, Any], *, required: bool) -> _Described:
    options = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    inner = options[0] if options else schema
    reference = str(inner.get("$ref", "")).rpartition("/")[2]
    flat = {**known.get(reference, {}), **inner, **schema}
    return _Described(name=name, schema=flat, required=required)


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

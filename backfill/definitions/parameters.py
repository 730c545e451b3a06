"""What a definition's parameters may be, and what is given for a run, checked against them.

A definition describes its parameters as a pydantic model. Whatever the way they come by (a command, a request, a form,
a record in Redis), they are read as JSON by the model itself, and kept as the JSON that it writes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from types import FunctionType, MethodType
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema

from backfill.definitions.samples import sample_of_schema
from backfill.runs.errors import InvalidParameters, Mistake
from backfill.runs.parameters import LONGEST_TEXT, dump_parameters

Model = TypeVar("Model", bound=BaseModel)
Value = TypeVar("Value")


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """Its JSON schema: what forms, `/openapi.json` and the help of errors are made from."""
    return {**model.model_json_schema(), "additionalProperties": False}


def require_usable(model: object) -> None:
    """Raises ValueError, with a sentence for the author, where the parameters of runs cannot be such a model."""
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise ValueError("parameters is no pydantic model: give a class that is derived from pydantic.BaseModel")
    try:
        schema = schema_of(model)
    except PydanticInvalidForJsonSchema as error:
        raise ValueError(f"{model.__name__} has a field that JSON cannot hold: {error.message}") from None
    if secret := _secret_in(schema, schema.get("$defs", {})):
        raise ValueError(
            f"{model.__name__}.{secret} is a secret, and parameters are shown wherever the run is; "
            "let the definition read secrets from the environment"
        )
    sample_of(model)


def sample_of(model: type[Model]) -> Model:
    """Some parameters that the model accepts, for what does not depend on their values: rules, the checks of schema and
    of rights. They are its defaults and first examples; for other fields a plain value of their kind. ValueError where
    those are refused."""
    try:
        return model.model_validate_json(json.dumps(sample_of_schema(schema_of(model))))
    except ValidationError as error:
        fields = ", ".join(sorted({_place(mistake["loc"]) for mistake in error.errors()} - {""}))
        raise ValueError(
            f"{model.__name__} refuses every sample of it: give a default or examples=[...] to {fields or 'its fields'}"
        ) from None


def accepted(model: type[Model], given: Mapping[str, Any]) -> Model:
    """The model of what was given, with its defaults. Raises InvalidParameters with a mistake for each field."""
    names = schema_of(model).get("properties", {})
    unknown = [Mistake(at=name, message="There is no such parameter") for name in given if name not in names]
    mistakes: list[Mistake] = []
    known = {name: value for name, value in given.items() if name in names}
    try:
        parameters = model.model_validate_json(json.dumps(known, allow_nan=False))
    except ValidationError as error:
        mistakes = [Mistake(at=_place(one["loc"]), message=one["msg"]) for one in error.errors(include_input=False)]
        raise InvalidParameters((*mistakes, *unknown), takes=_in_words(model)) from None
    if unknown:
        raise InvalidParameters(unknown, takes=_in_words(model))
    if len(dump_parameters(as_json(parameters))) > LONGEST_TEXT:
        too_long = Mistake(at="", message=f"They have more than {LONGEST_TEXT:,} characters")
        raise InvalidParameters((too_long,), takes=_in_words(model))
    return parameters


def as_json(parameters: BaseModel) -> dict[str, Any]:
    """As JSON values, of which the model makes the same again."""
    values: dict[str, Any] = json.loads(parameters.model_dump_json(by_alias=True))
    return values


def of_text(model: type[BaseModel], name: str, text: str) -> Any:
    """The JSON value that somebody means who typed `text` for a parameter: a number, a list, or the text itself.

    A name that the model does not know keeps its text: `accepted` tells of it.
    """
    schema = schema_of(model)
    field = schema.get("properties", {}).get(name)
    if field is None or _takes_text(field, schema.get("$defs", {})):
        return text
    try:
        return json.loads(text, parse_constant=_refuse)
    except ValueError:
        return text


def resolved(value: Value | Callable[[Any], Value], parameters: BaseModel | None) -> Value:
    """What an author gave as it is, or as a function of the parameters: `where = lambda p: User.country == p.country`.

    For the kinds of definitions that are classes. Only functions, methods and partials are called: an SQLAlchemy
    expression may be callable as well.
    """
    if isinstance(value, FunctionType | MethodType | partial):
        called: Value = value(parameters)
        return called
    return value  # type: ignore[return-value]  # all else is the value itself


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location)


def _in_words(model: type[BaseModel]) -> str:
    schema = schema_of(model)
    required = schema.get("required", ())
    names = [f"{name} (required)" if name in required else name for name in schema.get("properties", {})]
    return ", ".join(names)


def _takes_text(field: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    field = _followed(field, known)
    if options := field.get("anyOf"):
        return any(_takes_text(one, known) for one in options)
    if "enum" in field or "const" in field:
        return all(isinstance(one, str) for one in field.get("enum", [field.get("const")]))
    return field.get("type") == "string"


def _secret_in(schema: Mapping[str, Any], known: Mapping[str, Any], depth: int = 0) -> str:
    """The path of the first field that pydantic shows as a password; empty where there is none."""
    schema = _followed(schema, known)
    if schema.get("format") == "password":
        return "value"
    parts: dict[str, Any] = dict(schema.get("properties", {}))
    parts |= {str(place): one for key in ("anyOf", "allOf", "oneOf") for place, one in enumerate(schema.get(key, ()))}
    parts |= {key: one for key in ("items", "additionalProperties") if isinstance(one := schema.get(key), Mapping)}
    for name, part in parts.items() if depth < 8 else ():
        if inner := _secret_in(part, known, depth + 1):
            return name if name in schema.get("properties", {}) else inner
    return ""


def _followed(schema: Mapping[str, Any], known: Mapping[str, Any]) -> Mapping[str, Any]:
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    return {**known.get(name, {}), **{key: value for key, value in schema.items() if key != "$ref"}} if name else schema


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number of JSON")

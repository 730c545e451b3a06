"""Makes a value that a JSON schema describes: defaults and examples first, else a plain one of its kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_DEEPEST = 8
_TEXTS = {
    "date": "2000-01-01",
    "date-time": "2000-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "duration": "PT0S",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "email": "somebody@example.org",
    "uri": "https://example.org/",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
}


def sample_of_schema(schema: Mapping[str, Any]) -> Any:
    """No promise that it is valid: a schema can say less than the model that it was made from."""
    return _sample(schema, schema.get("$defs", {}), _DEEPEST)


def _sample(schema: Mapping[str, Any], known: Mapping[str, Any], depth: int) -> Any:
    for values in ("examples", "enum"):
        if "default" not in schema and schema.get(values):
            return schema[values][0]
    for value in ("default", "const"):
        if value in schema:
            return schema[value]
    if "$ref" in schema:
        return _sample(known.get(schema["$ref"].rpartition("/")[2], {}), known, depth - 1) if depth else None
    for options in ("anyOf", "oneOf", "allOf"):
        if schema.get(options):
            return _sample(schema[options][0], known, depth - 1)
    return _plain(schema, known, depth)


def _plain(schema: Mapping[str, Any], known: Mapping[str, Any], depth: int) -> Any:
    match schema.get("type"):
        case "string":
            return _TEXTS.get(schema.get("format", ""), "x" * max(schema.get("minLength", 1), 1))
        case "integer" | "number":
            return _number(schema)
        case "boolean":
            return False
        case "array":
            return [_sample(schema.get("items", {}), known, depth - 1)] * schema.get("minItems", 0) if depth else []
        case "object":
            required = set(schema.get("required", ()))
            fields = schema.get("properties", {}).items()
            return {name: _sample(one, known, depth - 1) for name, one in fields if name in required} if depth else {}
        case _:
            return None


def _number(schema: Mapping[str, Any]) -> float:
    if "exclusiveMinimum" in schema:
        return schema["exclusiveMinimum"] + schema.get("multipleOf", 1)  # type: ignore[no-any-return]
    if "minimum" in schema:
        return schema["minimum"]  # type: ignore[no-any-return]
    return min(schema.get("maximum", 1), schema.get("exclusiveMaximum", 2) - 1, 1)  # type: ignore[no-any-return]

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from backfill.definitions import Definition
from backfill.definitions.parameters import accepted, as_json, of_text, resolved, sample_of
from backfill.runs.errors import InvalidParameters
from backfill.runs.parameters import differences, dump_parameters, in_words, load_parameters


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


class Inner(BaseModel):
    depth: int = Field(ge=3)


class Parameters(BaseModel):
    country: Annotated[str, Field(pattern="^[A-Z]{2}$", examples=["AT"])]
    since: date
    size: Size = Size.SMALL
    kind: Literal["a", "b"] = "a"
    limit: Annotated[int, Field(gt=0, le=100)]
    share: Decimal = Decimal("0.1")
    ids: list[int] = []
    inner: Inner = Inner(depth=3)
    owner: UUID | None = None
    dry: bool = False


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    since: date
    limit: int
    on: bool


GOOD: Mapping[str, Any] = {"country": "DE", "since": "2026-01-31", "limit": 5}


def bind(*_: Any) -> Any:
    """Never called by these tests."""


def definition(parameters: Any, version: Any = "1") -> Definition:
    return Definition(name="some", about="Fills it in.", bind=bind, parameters=parameters, version=version)


def test_what_was_given_is_kept_with_the_defaults_and_read_back_as_the_same() -> None:
    parameters = accepted(Parameters, GOOD)

    kept = load_parameters(dump_parameters(as_json(parameters)))

    assert accepted(Parameters, kept) == parameters
    assert (kept["size"], kept["share"], kept["owner"]) == ("s", "0.1", None)


def test_equal_parameters_are_equal_texts_whatever_their_order() -> None:
    turned = dict(reversed(list(GOOD.items()))) | {"size": "s"}

    texts = {dump_parameters(as_json(accepted(Parameters, given))) for given in (GOOD, turned)}

    assert len(texts) == 1


def test_each_mistake_is_told_at_its_field() -> None:
    given = {"country": "at", "limit": 0, "nope": 1, "inner": {"depth": 1}}

    with pytest.raises(InvalidParameters) as raised:
        accepted(Parameters, given)

    assert {mistake.at for mistake in raised.value.mistakes} == {"country", "since", "limit", "nope", "inner.depth"}
    assert "country (required)" in raised.value.remedy


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("country", "12", "12"),
        ("since", "2026-01-31", "2026-01-31"),
        ("limit", "5", 5),
        ("limit", "five", "five"),
        ("share", "0.10", "0.10"),
        ("ids", "[1, 2]", [1, 2]),
        ("inner", '{"depth": 4}', {"depth": 4}),
        ("dry", "true", True),
        ("size", "l", "l"),
        ("owner", "7c0e8d4a-2f5b-4c9f-9a44-1f1c2ab3d0e7", "7c0e8d4a-2f5b-4c9f-9a44-1f1c2ab3d0e7"),
        ("limit", "NaN", "NaN"),
        ("nope", "[1]", "[1]"),
    ],
)
def test_a_typed_text_is_the_value_that_is_meant(name: str, text: str, value: Any) -> None:
    assert of_text(Parameters, name, text) == value


def test_a_model_that_takes_no_other_types_can_be_typed_as_well() -> None:
    typed = {"since": "2026-01-31", "limit": "5", "on": "true"}

    parameters = accepted(Strict, {name: of_text(Strict, name, text) for name, text in typed.items()})

    assert parameters == Strict(since=date(2026, 1, 31), limit=5, on=True)


def test_a_sample_is_made_of_examples_bounds_and_plain_values() -> None:
    assert sample_of(Parameters) == Parameters(country="AT", since=date(2000, 1, 1), limit=1)


class Credentials(BaseModel):
    token: SecretStr


class WithSecret(BaseModel):
    password: SecretStr | None = None


class WithSecretInside(BaseModel):
    access: list[Credentials] = []


class WithoutSample(BaseModel):
    code: Annotated[str, Field(pattern="^[A-Z]{7}$")]


class Together(BaseModel):
    low: int
    high: int

    @model_validator(mode="after")
    def _in_order(self) -> Together:
        if self.low >= self.high:
            raise ValueError("low is not below high")
        return self


class NotJson(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    thing: memoryview


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (WithSecret, "WithSecret.password is a secret"),
        (WithSecretInside, "WithSecretInside.access is a secret"),
        (WithoutSample, "examples=[...] to code"),
        (Together, "examples=[...] to its fields"),
        (NotJson, "that JSON cannot hold"),
        (dict, "derived from pydantic.BaseModel"),
    ],
)
def test_a_model_that_cannot_be_parameters_is_refused_where_it_is_defined(model: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words.replace("[", r"\[").replace("...", r"\.\.\.")):
        definition(model)


@pytest.mark.parametrize("version", ["", "a:b", "a@b", "a b", 2, "x" * 33])
def test_a_version_that_would_not_fit_into_names_is_refused(version: Any) -> None:
    with pytest.raises(ValueError, match="is no version of a backfill"):
        definition(None, version)


def test_bind_takes_parameters_only_where_there_are_some() -> None:
    calls: list[tuple[object, ...]] = []
    given = accepted(Parameters, GOOD)

    for parameters in (None, Parameters):
        one = Definition(name="some", about=".", bind=lambda *all_: calls.append(all_), parameters=parameters)  # type: ignore[arg-type]
        one.bound("engine", "limits", given if parameters else None)  # type: ignore[arg-type]

    assert calls == [("engine", "limits"), ("engine", "limits", given)]


def test_a_function_in_place_of_a_value_is_called_with_the_parameters() -> None:
    given = accepted(Parameters, GOOD)

    assert resolved(lambda p: p.country, given) == "DE"
    assert resolved("AT", given) == "AT"


def test_what_differs_is_told_by_name_with_both_values() -> None:
    assert differences({"a": 1, "b": "x"}, {"a": 2, "b": "x", "c": None}) == "a is 1, not 2, c is not given, not null"
    assert differences({"a": 1}, {"a": 1}) == ""
    assert in_words({"b": "x", "a": [1]}) == 'a=[1], b="x"'

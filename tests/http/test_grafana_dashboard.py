"""The dashboard by Grafana's own model of one, which its makers publish: nobody here can start Grafana."""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import Enum
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import prometheus, stat, statetimeline, timeseries
from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from tests.http.test_observability_docs import dashboard

OPTIONS = {"stat": stat.Options, "timeseries": timeseries.Options, "state-timeline": statetimeline.Options}
# Grafana writes these itself when it shows a dashboard, and the model has them not: the number under which an instance
# keeps it, which is null in a file, and a variable's query once more, as a text.
NOT_IN_THE_MODEL = {"id", *(f"templating.list[{number}].definition" for number in (1, 2))}


@pytest.fixture(scope="module")
def read() -> Dashboard:
    plugins.register_default_plugins()
    return Dashboard.from_json(dashboard())


def panels(read: Dashboard) -> list[Panel]:
    found = [panel for panel in read.panels or () if isinstance(panel, Panel)]
    assert len(found) == len(dashboard()["panels"])
    return found


def changed(given: Any, back: Any, at: str = "") -> Iterator[str]:
    """What of it is not there any more, or is another. Defaults that have been added are no change."""
    if isinstance(given, dict) and isinstance(back, dict):
        for name in given:
            within = f"{at}.{name}".removeprefix(".")
            yield from changed(given[name], back[name], within) if name in back else [within]
    elif isinstance(given, list) and isinstance(back, list) and len(given) == len(back):
        for number, (one, other) in enumerate(zip(given, back, strict=True)):
            yield from changed(one, other, f"{at}[{number}]")
    elif given != back:
        yield at


def unfit(value: Any, hint: Any, at: str) -> Iterator[str]:
    """Where a value is not what the model says: the model itself takes whatever it is given."""
    if get_origin(hint) in {Union, UnionType}:
        is_fit = any(not list(unfit(value, one, at)) for one in get_args(hint))
    elif get_origin(hint) is Literal:
        is_fit = value in get_args(hint)
    elif is_fit := is_a(value, get_origin(hint) or hint):
        for part, of_part, name in parts(value, get_args(hint)):
            yield from unfit(part, of_part, f"{at}.{name}")
    if not is_fit:
        yield f"{at}: {value!r}"


def is_a(value: object, kind: type) -> bool:
    if kind in {Any, object}:
        return True
    if isinstance(value, bool):
        return kind is bool
    if issubclass(kind, Enum):
        return value in list(kind)
    return isinstance(value, (int, float) if kind is float else kind)


def parts(value: object, hints: tuple[Any, ...] = ()) -> Iterator[tuple[object, Any, str]]:
    """What is within a value, what it is to be, and where it is."""
    if isinstance(value, list):
        yield from ((one, hints[0], str(number)) for number, one in enumerate(value))
    elif isinstance(value, dict):
        yield from ((one, hints[1], name) for name, one in value.items())
    elif type(value).__module__.startswith("grafana_foundation_sdk."):
        for name, hint in get_type_hints(type(value)).items():
            yield getattr(value, name), hint, name


def test_grafana_reads_all_of_it_and_gives_it_back_as_it_is(read: Dashboard) -> None:
    back = json.loads(JSONEncoder().encode(read))

    assert set(changed(dashboard(), back)) == NOT_IN_THE_MODEL


def test_every_value_is_one_that_grafana_knows(read: Dashboard) -> None:
    whole: list[object] = [read]
    for panel in panels(read):
        whole += [panel.options, *(panel.targets or ())]  # of any type to the dashboard: each panel has its own

    assert [found for one in whole for found in unfit(one, type(one), type(one).__module__)] == []


def test_every_panel_and_every_query_is_of_a_kind_that_grafana_has(read: Dashboard) -> None:
    for panel in panels(read):
        assert type(panel.options) is OPTIONS[panel.type_val]
        assert {type(target) for target in panel.targets or ()} == {prometheus.Dataquery}

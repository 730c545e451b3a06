"""What the documents on observability ask Prometheus for is what /metrics really has."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from functools import reduce
from itertools import combinations
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from backfill.runs.states import State
from tests.http.test_metrics import LABELS, OF_THE_ACTIVE_RUN, scrape

FOLDER = Path(__file__).parents[2] / "docs" / "observability"
METRIC = re.compile(r"\bbackfill_[a-z_]+\b")
SELECTED = re.compile(r"\b(backfill_[a-z_]+)\{([^}]*)\}")
GROUPED = re.compile(r"\b(?:by|on) \(([^)]*)\)")
OF_THE_SCRAPE = {"job", "instance"}


def alerts() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((FOLDER / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


def dashboard() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FOLDER / "grafana.json").read_text(encoding="utf-8"))
    return loaded


def queries() -> list[str]:
    of_panels = [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]
    of_variables = [
        variable["query"]["query"] for variable in dashboard()["templating"]["list"] if variable["type"] == "query"
    ]
    return [*(alert["expr"] for alert in alerts()), *of_panels, *of_variables]


async def test_the_promised_metrics_are_what_is_served(client: httpx.AsyncClient) -> None:
    assert set((await scrape(client)).labels) == set(LABELS) - OF_THE_ACTIVE_RUN


@pytest.mark.parametrize("query", sorted(set(queries())))
def test_a_query_asks_for_nothing_that_is_not_served(query: str) -> None:
    asked = set(METRIC.findall(query))
    assert asked <= set(LABELS)
    for name, selectors in SELECTED.findall(query):
        selected = {re.split(r"[=!]", one, maxsplit=1)[0].strip() for one in selectors.split(",")}
        assert selected <= LABELS[name] | OF_THE_SCRAPE
    grouped = {label.strip() for labels in GROUPED.findall(query) for label in labels.split(",")}
    assert grouped <= OF_THE_SCRAPE.union(*(LABELS[name] for name in asked))
    for opening, closing in ("()", "[]", "{}"):
        assert query.count(opening) == query.count(closing)


def test_the_dashboard_and_the_readme_leave_out_nothing_that_is_served() -> None:
    shown = {name for query in queries() for name in METRIC.findall(query)}
    described = set(METRIC.findall((FOLDER / "README.md").read_text(encoding="utf-8")))

    histogram = {name for name in LABELS if name.startswith("backfill_batch_duration_seconds")}
    assert shown == set(LABELS)
    assert described == set(LABELS) - histogram | {"backfill_batch_duration_seconds"}


PROMTOOL = shutil.which("promtool")
# What Grafana puts in before it asks Prometheus.
BY_GRAFANA = {"$__rate_interval": "1m", "$__range": "1h", "$job": "backfill", "$backfill": ".*"}


def checked(rules: Path) -> subprocess.CompletedProcess[str]:
    assert PROMTOOL is not None
    return subprocess.run([PROMTOOL, "check", "rules", rules], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.skipif(PROMTOOL is None, reason="no promtool, which Debian has in its package prometheus")
def test_prometheus_takes_the_alert_rules() -> None:
    done = checked(FOLDER / "alerts.yml")

    assert done.returncode == 0, done.stderr
    assert f"{len(alerts())} rules found" in done.stdout


@pytest.mark.skipif(PROMTOOL is None, reason="no promtool, which Debian has in its package prometheus")
def test_prometheus_understands_every_query_of_the_dashboard(tmp_path: Path) -> None:
    asked = [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]
    filled = [reduce(lambda query, one: query.replace(*one), BY_GRAFANA.items(), query) for query in asked]
    rules = [{"record": f"panel:{number}", "expr": query} for number, query in enumerate(filled)]
    file = tmp_path / "dashboard.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}), encoding="utf-8")

    done = checked(file)

    assert not [query for query in filled if "$" in query]
    assert done.returncode == 0, done.stderr
    assert f"{len(asked)} rules found" in done.stdout


def test_every_alert_says_what_to_do() -> None:
    names = [alert["alert"] for alert in alerts()]

    assert len(set(names)) == len(names) == 8
    for alert in alerts():
        assert set(alert) - {"for"} == {"alert", "expr", "labels", "annotations"}
        assert alert["labels"]["severity"] in {"info", "warning", "critical"}
        assert set(alert["annotations"]) == {"summary", "description"}
        assert re.fullmatch(r"\d+[smh]", alert.get("for", "0m"))


def test_the_states_that_alerts_ask_for_are_states() -> None:
    text = (FOLDER / "alerts.yml").read_text(encoding="utf-8")

    asked = {state for states in re.findall(r'state=~?"([^"]*)"', text) for state in states.split("|")}
    assert asked
    assert asked <= set(map(str, State))


def test_the_dashboard_can_be_imported_anywhere() -> None:
    board = dashboard()
    sources = [variable["name"] for variable in board["templating"]["list"] if variable["type"] == "datasource"]
    panels = board["panels"]

    assert (board["id"], sources) == (None, ["datasource"])
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert {panel["datasource"]["uid"] for panel in panels} == {"${datasource}"}
    assert {target["datasource"]["uid"] for panel in panels for target in panel["targets"]} == {"${datasource}"}
    assert all(panel["title"] and panel["type"] and panel["targets"] for panel in panels)
    assert not [(one["title"], other["title"]) for one, other in combinations(panels, 2) if overlap(one, other)]


def overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    a, b = one["gridPos"], other["gridPos"]
    return all(a[at] < b[at] + b[size] and b[at] < a[at] + a[size] for at, size in (("x", "w"), ("y", "h")))

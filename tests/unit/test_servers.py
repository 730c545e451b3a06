"""Which databases are on one server, by what their servers say of themselves."""

from __future__ import annotations

import pytest

from backfill.autopilot.signals.checks import Check
from backfill.autopilot.watching import Watch
from backfill.runs.servers import Identity, has_copies, servers_of
from backfill.runs.terms import Terms, backfill_at, version_at
from backfill.urls import place_of

HERE = Identity(place="db1:5432", system="701", started_us=11)
AGAIN = Identity(place="10.0.0.1:6432", system="701", started_us=11)
COPY = Identity(place="db3:5432", system="701", started_us=22)
OTHER = Identity(place="db2:5432", system="802", started_us=33)
SILENT = Identity(place="db4:5432")


def test_databases_of_one_cluster_are_on_one_server_whatever_their_urls_say() -> None:
    servers = servers_of({"": HERE, "billing": AGAIN, "archive": OTHER}, {}, ("", "archive", "billing"))

    assert servers == {"": "701", "billing": "701", "archive": "802"}


def test_a_copy_of_a_cluster_is_a_server_of_its_own() -> None:
    found = {"": HERE, "billing": COPY}

    assert servers_of(found, {}, ("", "billing")) == {"": "701", "billing": "701-db3:5432"}
    assert has_copies(found)
    assert not has_copies({"": HERE, "billing": AGAIN, "archive": OTHER})


def test_a_server_that_says_nothing_is_known_by_host_and_port() -> None:
    assert servers_of({"": SILENT, "billing": SILENT, "archive": OTHER}, {}, ("", "archive", "billing")) == {
        "": "db4:5432",
        "billing": "db4:5432",
        "archive": "802",
    }


def test_a_role_that_may_not_read_the_identifier_shares_with_one_that_may() -> None:
    blind = Identity(place="localhost:5432", started_us=11)

    assert servers_of({"": blind, "billing": AGAIN}, {}, ("", "billing")) == {"": "701", "billing": "701"}


@pytest.mark.parametrize(
    ("found", "server"),
    [
        ({"billing": COPY}, "701-db3:5432"),
        ({"billing": OTHER}, "802"),
        ({"billing": COPY, "": HERE}, "701-db3:5432"),
    ],
)
def test_while_one_does_not_answer_what_was_known_stays_unless_the_cluster_is_another(
    found: dict[str, Identity], server: str
) -> None:
    known = {"": "701", "billing": "701-db3:5432"}

    assert servers_of(found, known, ("", "billing"))["billing"] == server


def test_where_a_server_is_has_no_login_and_no_database_in_it() -> None:
    assert place_of("postgresql://someone:hunter2@db1,db2:5433/billing?sslmode=require") == "db1:5432,db2:5433"


def test_a_standby_is_expected_of_its_own_server_and_a_slash_may_be_part_of_its_name() -> None:
    watch = Watch(expected_standbys=("one", "billing/two", "rack/three"))

    assert watch.standbys_of(("",), ("", "billing")) == ("one", "rack/three")
    assert watch.standbys_of(("billing",), ("", "billing")) == ("two",)
    assert watch.standbys_of(("", "billing"), ("", "billing")) == ("one", "two", "rack/three")


def test_a_check_is_asked_in_its_database_for_its_server_and_a_url_for_every_one() -> None:
    checks = (Check(name="here", sql="x"), Check(name="there", sql="x", database="billing"), Check(name="all", url="x"))
    asked = {name: _checks_asked(checks, (name,)) for name in ("", "billing", "archive")}

    assert asked == {
        "": [("check-here", ""), ("check-all", "")],
        "billing": [("check-there", "billing"), ("check-all", "billing")],
        "archive": [("check-all", "archive")],
    }


def _checks_asked(checks: tuple[Check, ...], here: tuple[str, ...]) -> list[tuple[str, str]]:
    asked = Watch(checks=checks).asked(here, here)
    return [(signal.name, database) for signal, database in asked if signal.name.startswith("check-")]


def test_what_is_a_databases_is_read_in_each_and_what_is_the_servers_once() -> None:
    asked = [(signal.name, database) for signal, database in Watch().asked(("", "billing"), ("", "billing", "more"))]

    assert {name for name, database in asked if database} == {"blocked", "database", "snapshots", "dead_rows"}
    assert len(asked) == len(set(asked)) == len({name for name, _ in asked}) + 4


def test_a_run_elsewhere_by_the_autopilot_has_a_name_that_workers_which_look_at_one_database_leave_alone() -> None:
    there = Terms(database="billing", version="3")
    address = there.address("titles", plain_pace=False, scheduled=True)

    assert address == "titles@3@apart"
    assert (backfill_at(address), version_at(address)) == ("titles", "3")
    assert there.address("titles") == "titles@3"

"""docker-compose.yml, the Dockerfile and .dockerignore: what they promise, as named facts."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from backfill.settings import Settings
from tests.support.commands import REPOSITORY
from tests.support.compose import (
    SECRETS,
    command_of,
    compose,
    copied,
    dockerfile,
    environment_of,
    healthcheck_of,
    seconds,
    services,
)

SERVERS = ("postgres", "valkey")
OURS = ("migrate", "worker", "api")
LONG_RUNNING = (*SERVERS, "worker", "api")
PINNED = re.compile(r"[a-z0-9-]+(/[a-z0-9-]+)?:\d[\w.-]*")  # no host, and a version


def images() -> Iterator[str]:
    yield from (service["image"] for service in services().values())
    yield from (one.words.split()[0] for one in dockerfile() if one.name == "FROM")


def texts(value: Any) -> Iterator[str]:
    """Every string in a piece of the document."""
    if isinstance(value, dict):
        for part in value.values():
            yield from texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from texts(part)
    elif isinstance(value, str):
        yield value


def test_there_are_the_two_servers_and_the_three_programs() -> None:
    assert set(services()) == {*SERVERS, *OURS}


@pytest.mark.parametrize("name", [*SERVERS, *OURS])
def test_a_container_can_do_no_more_than_its_work(name: str) -> None:
    service = services()[name]

    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert "/tmp" in service["tmpfs"]
    assert service["pids_limit"] > 0
    assert not {"privileged", "network_mode", "pid", "ipc", "devices"} & set(service)


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_runs_as_its_own_account(name: str) -> None:
    assert services()[name]["user"] == name


def test_our_image_runs_as_nobody_in_particular() -> None:
    users = [one.words for one in dockerfile() if one.stage == 1 and one.name == "USER"]

    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", users[-1])
    assert not any("user" in services()[name] for name in OURS)


def test_every_image_is_pinned_and_names_no_registry() -> None:
    assert [image for image in images() if not PINNED.fullmatch(image)] == []


def test_our_image_has_the_projects_version() -> None:
    version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]

    assert {services()[name]["image"] for name in OURS} == {f"codebegen-backfill:{version}"}


@pytest.mark.parametrize("name", [*SERVERS, "migrate", "worker"])
def test_only_the_api_can_be_reached_from_outside_and_from_this_machine_only(name: str) -> None:
    assert "ports" not in services()[name]
    assert all(port.startswith("127.0.0.1:") for port in services()["api"]["ports"])


def test_workers_can_be_many() -> None:
    assert not {"container_name", "hostname", "ports", "volumes"} & set(services()["worker"])


def test_redis_throws_nothing_away_and_keeps_it_over_a_restart() -> None:
    command = command_of("valkey")
    options = dict(zip(command[1::2], command[2::2], strict=True))

    assert command[0] == "valkey-server"
    assert options["--appendonly"] == "yes"
    assert options["--maxmemory-policy"] == "noeviction"
    assert services()["valkey"]["volumes"] == ["valkey:/data"]


def test_postgres_writes_to_its_volume_and_to_memory_only() -> None:
    assert services()["postgres"]["volumes"] == ["postgres:/var/lib/postgresql"]
    assert set(services()["postgres"]["tmpfs"]) == {"/tmp", "/var/run/postgresql"}


@pytest.mark.parametrize("name", ["worker", "api"])
def test_work_begins_when_the_servers_are_healthy_and_the_migration_is_done(name: str) -> None:
    conditions = {other: one["condition"] for other, one in services()[name]["depends_on"].items()}

    assert conditions == {
        "postgres": "service_healthy",
        "valkey": "service_healthy",
        "migrate": "service_completed_successfully",
    }


def test_the_migration_runs_once_on_a_healthy_server() -> None:
    migrate = services()["migrate"]

    assert command_of("migrate") == ["alembic", "upgrade", "head"]
    assert migrate["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert migrate["restart"] == "no"


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_what_runs_for_long_is_started_again_and_has_a_health_check_that_ends(name: str) -> None:
    check = services()[name]["healthcheck"]

    assert services()[name]["restart"] == "unless-stopped"
    assert 0 < seconds(check["timeout"]) <= seconds(check["interval"])
    assert seconds(check["start_period"]) >= seconds(check["interval"])


@pytest.mark.parametrize(
    ("name", "work"),
    [
        ("postgres", "NOT pg_is_in_recovery()"),
        ("valkey", "SET backfill-healthcheck"),
        ("worker", "scripts/worker_alive.py"),
        ("api", "/readyz"),
    ],
)
def test_a_health_check_tests_the_work_and_not_the_process(name: str, work: str) -> None:
    assert work in " ".join(healthcheck_of(name))


def test_a_worker_is_given_the_time_for_a_slice_and_a_statement() -> None:
    fields = Settings.model_fields
    slice_seconds = fields["slice_seconds"].default
    statement_seconds = fields["statement_timeout_ms"].default / 1000

    assert seconds(services()["worker"]["stop_grace_period"]) > 2 * (slice_seconds + statement_seconds)
    # What would make them longer cannot be passed in without being written down beside the grace period.
    assert not {"BACKFILL_SLICE_SECONDS", "BACKFILL_STATEMENT_TIMEOUT_MS"} & set(environment_of("worker"))


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_every_service_is_given_more_time_to_stop_than_docker_gives(name: str) -> None:
    assert seconds(services()[name]["stop_grace_period"]) > 10


def test_no_secret_is_in_the_file_or_in_an_environment() -> None:
    everything = " ".join(texts(services()))

    assert not re.search(r"\w+://[^/ ]*:[^/ ]*@", everything)
    for service in services().values():
        for name, value in service["environment"].items() if "environment" in service else ():
            if re.search(r"PASSWORD|_URL|TOKEN|SECRET", name):
                assert name.endswith("_FILE"), name
                assert value.startswith(SECRETS), name


@pytest.mark.parametrize("name", [*SERVERS, *OURS])
def test_a_service_is_given_the_secrets_that_it_reads_and_no_other(name: str) -> None:
    service = services()[name]
    read = set(re.findall(rf"{SECRETS}(\w+)", " ".join(texts(service))))

    assert read == set(service["secrets"])
    assert read <= set(compose()["secrets"])


def test_every_secret_is_a_file_that_git_does_not_take() -> None:
    assert all(one == {"file": f"./secrets/{name}"} for name, one in compose()["secrets"].items())
    assert "/secrets/" in (REPOSITORY / ".gitignore").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", OURS)
def test_every_setting_is_one_that_there_is(name: str) -> None:
    known = {
        field.validation_alias if isinstance(field.validation_alias, str) else f"BACKFILL_{field_name.upper()}"
        for field_name, field in Settings.model_fields.items()
    }

    assert set(environment_of(name)) <= known


def test_the_image_installs_only_what_was_checked_against_its_hash() -> None:
    installs = [one.words for one in dockerfile() if "pip download" in one.words or "pip install" in one.words]
    download, install = installs

    assert {"--require-hashes", "--no-deps", "--requirement"} <= set(download.split())
    assert download.endswith(" constraints-image.txt")
    assert "--no-index --find-links /wheels ." in install


def test_pip_is_told_of_mirrors_and_certificates_by_secrets_that_stay_in_no_layer() -> None:
    (download,) = [one for one in dockerfile() if "pip download" in one.words]

    assert re.findall(r"--mount=type=secret,id=(\S+),target=(\S+)", download.words) == [
        ("pip.conf", "/etc/pip.conf"),
        ("ca.pem", "/run/secrets/ca.pem"),
    ]
    assert not [one for one in dockerfile() if one.name == "ARG"]  # which would be in the image's history


def test_the_last_stage_has_no_sources_but_what_runs() -> None:
    assert [one.words.split()[1:] for one in dockerfile() if one.name == "FROM"] == [["AS", "build"], []]
    assert not [one for one in dockerfile() if one.stage == 1 and one.name in {"RUN", "ADD"}]
    assert [source for sources, _ in copied(1) for source in sources] == [
        *("pyproject.toml", "alembic", "config", "scripts", "worker"),
    ]


def test_the_builder_is_sent_what_is_copied_and_nothing_else() -> None:
    rules = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}

    assert next(rule for rule in rules if not rule.startswith("#")) == "*"
    assert allowed == {source for stage in (0, 1) for sources, _ in copied(stage) for source in sources}

"""The image and docker-compose.yml at work: what the containers may do, and a run that workers come and go in."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import httpx
import pytest

from backfill.runs.errors import WrongState
from tests.containers.project import Project, write_project
from tests.support.base_image import NAME as BASE
from tests.support.compose import command_of, seconds, services
from tests.support.podman import Podman
from tests.support.waiting import wait_until

OWN = Path(__file__).parent
MIB = 2**20
PATIENCE_SECONDS = 180
ROWS = 20_000  # of old_rows.sql
# It outlasts what is done to its workers.
SLOWLY = ("--pace", "fixed", "--parallel", "2", "--batch-rows", "50", "--rows-per-second", "200")
# All processes of a container: who it runs as, what it may do, and what it is.
WHO_RUNS = (
    r"for each in /proc/[0-9]*; do grep -E '^(Uid|CapBnd|CapEff|NoNewPrivs):' $each/status | tr '\n\t' '  '; echo; done"
)
NOBODY_WITH_NOTHING = "Uid: 10001 10001 10001 10001 CapEff: 0000000000000000 CapBnd: 0000000000000000 NoNewPrivs: 1"


def test_the_image_is_less_than_200_mib_on_top_of_its_base(podman: Podman, image: str) -> None:
    base, own = (int(podman.must("image", "inspect", "--format", "{{.Size}}", name)) for name in (BASE, image))

    assert own - base < 200 * MIB


def test_no_secret_of_the_build_is_in_the_image(podman: Podman, image: str) -> None:
    search = ("find", "/", "-xdev", "(", "-name", "pip.conf", "-o", "-name", "ca.pem", ")", "-size", "+0")

    assert podman.must("run", "--rm", "--network=none", "--user=root", image, *search) == ""


@pytest.fixture(scope="module")
async def project(
    podman: Podman,
    image: str,
    server_images: list[str],
    wheels: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Project:
    """Migrated over old rows; two workers and the HTTP service are healthy."""
    folder = podman.folder / "project"
    folder.mkdir()
    project = Project(podman=podman, wheel=wheels["podman_compose"], folder=folder, port=write_project(folder))
    project.start("postgres", "valkey")
    await wait_until(lambda: project.is_healthy("postgres_1"), PATIENCE_SECONDS)
    project.compose("run", "-T", "--rm", "migrate", "alembic", "upgrade", "e011ab9dd223")
    project.sql((OWN / "old_rows.sql").read_text(encoding="utf-8"))
    project.compose("run", "-T", "--rm", "migrate")
    project.start("worker", "api", workers=2)
    for container in ("worker_1", "worker_2", "api_1"):
        await wait_until(partial(project.is_healthy, container), PATIENCE_SECONDS)
    return project


@pytest.mark.parametrize("container", ["worker_1", "api_1"])
def test_a_container_can_do_no_more_than_its_work(project: Project, container: str) -> None:
    processes = project.exec(container, "sh", "-c", WHO_RUNS).splitlines()
    may_not = project.podman.run("exec", f"backfill_{container}", "touch", "/app/here")
    may = project.podman.run("exec", f"backfill_{container}", "touch", "/tmp/here")

    assert len(processes) > 1
    assert {" ".join(one.split()) for one in processes if one} == {NOBODY_WITH_NOTHING}
    assert "Read-only file system" in may_not.stderr
    assert may.returncode == 0, may.stderr


async def test_the_api_answers_to_who_has_the_token_and_to_nobody_else(project: Project) -> None:
    token = (project.folder / "secrets" / "operator_token").read_text(encoding="utf-8").strip()

    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{project.port}", timeout=30) as client:
        ready = await client.get("/readyz")
        stranger = await client.get("/v1/runs")
        operator = await client.get("/v1/workers", headers={"Authorization": f"Bearer {token}"})

    assert (ready.status_code, stranger.status_code, operator.status_code) == (200, 401, 200)
    assert len(operator.json()["workers"]) == 2


async def test_a_run_ends_verified_though_one_worker_is_stopped_and_others_come(project: Project) -> None:
    grace = seconds(services()["worker"]["stop_grace_period"])
    await wait_until(lambda: told(project, "worker_2", "enqueue", *SLOWLY), PATIENCE_SECONDS)
    await wait_until(lambda: (run := project.status("worker_2")) and run["progress"]["rows_written"], PATIENCE_SECONDS)

    project.podman.must("stop", "--time", str(grace), "backfill_worker_1")
    exit_code = int(project.podman.inspect("backfill_worker_1", ".State.ExitCode"))
    signals = [line["signal"] for line in project.log("worker_1") if line["event"] == "worker stops"]
    project.start("worker", workers=3)
    await wait_until(lambda: project.is_healthy("worker_3"), PATIENCE_SECONDS)
    await wait_until(lambda: told(project, "worker_3", "set", "--rows-per-second", "0"), PATIENCE_SECONDS)
    run = await wait_until(lambda: (run := project.status("worker_3")) and run["done"] and run, PATIENCE_SECONDS)

    assert (exit_code, signals) == (0, ["SIGTERM"])  # it was not killed at the end of its grace, which is 137
    assert isinstance(run, dict)
    assert (run["state"], run["verification"]["state"]) == ("succeeded", "passed")
    assert run["progress"]["rows_written"] == ROWS
    assert project.sql((OWN / "wrong_rows.sql").read_text(encoding="utf-8")) == "0"


def told(project: Project, container: str, *words: str) -> bool:
    """False where the command found no server, as happens while the network gets a new member.

    It may have been heard all the same, and by the second time the run is there, or over: that is a wrong state.
    """
    done = project.podman.run("exec", f"backfill_{container}", "backfill", *words)
    return done.returncode in {os.EX_OK, WrongState.exit_code}


def test_the_image_runs_a_worker_where_it_is_not_told_otherwise(podman: Podman, image: str) -> None:
    assert podman.must("image", "inspect", "--format", "{{json .Config.Cmd}}", image) == (
        '["' + '","'.join(command_of("worker")) + '"]'
    )

"""What `make containers` runs: the image, built and run by podman as root, on a base that is made here.

A machine that has no podman, no way to Debian's packages or to PyPI, or may not run containers is no fault of the
project's: then these tests are skipped, and say why.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from backfill.embedded.wheels import copy_of_wheels, find_wheels
from tests.support.base_image import NAME, NoContainers, last_line, make_base, pip_secrets, podman_with_base
from tests.support.commands import REPOSITORY
from tests.support.compose import services
from tests.support.podman import Podman, what_is_missing

OWN = Path(__file__).parent


@pytest.fixture(scope="session", autouse=True)
def asked_for() -> None:
    if "CONTAINERS" not in os.environ:
        pytest.skip("minutes of work, done by `make containers`")


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory, asked_for: None) -> dict[str, Path]:
    """By the project's name."""
    folder = tmp_path_factory.mktemp("wheels")
    pip = (sys.executable, "-m", "pip", "download", "-qq", "--disable-pip-version-check", "--no-input")
    what = ("--require-hashes", "--no-deps", "--requirement", str(OWN / "requirements.txt"), "--dest", str(folder))
    done = subprocess.run([*pip, *what], capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        pytest.skip(f"PyPI cannot be reached: {last_line(done.stderr)}")
    return {wheel.name.partition("-")[0]: wheel for wheel in folder.glob("*.whl")}


@pytest.fixture(scope="session")
def podman(asked_for: None) -> Iterator[Podman]:
    """With a base image. CONTAINERS_BASE names an archive of one that is there already."""
    if os.geteuid() != 0:
        pytest.skip("podman is used as root here")
    if missing := what_is_missing():
        pytest.skip(f"of Debian's packages there is no {', '.join(missing)}")
    given = os.environ.get("CONTAINERS_BASE")
    with tempfile.TemporaryDirectory(prefix="containers-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        try:
            archive = Path(given) if given else make_base(folder / "base.tar")
            podman = podman_with_base(folder, archive)
        except NoContainers as error:
            pytest.skip(str(error))
        yield podman
        podman.end()


@pytest.fixture(scope="session")
def image(podman: Podman) -> str:
    """The project's own, under the name that the compose file gives it."""
    name = str(services()["worker"]["image"])
    secrets = list(pip_secrets(sys.executable, podman.folder / "pip"))
    options = ("--quiet", "--network=host", "--layers=false", "--pull=never", *secrets)
    built = podman.run("build", *options, f"--tag={name}", REPOSITORY, timeout=900)
    if built.returncode != 0 and not reaches_pypi(podman):
        pytest.skip("PyPI cannot be reached from a container")
    assert built.returncode == 0, built.stderr[-4000:]
    return name


def reaches_pypi(podman: Podman) -> bool:
    secrets = podman.folder / "pip"
    mounts = [f"--volume={secrets / 'pip.conf'}:/etc/pip.conf:ro"]
    if (secrets / "ca.pem").exists():
        mounts.append(f"--volume={secrets / 'ca.pem'}:/run/secrets/ca.pem:ro")
    fetch = ("python", "-m", "pip", "download", "--no-deps", "--dest", "/tmp", "tomlkit", "asyncpg")
    return podman.run("run", "--rm", "--network=host", *mounts, NAME, *fetch).returncode == 0


@pytest.fixture(scope="session")
def server_images(podman: Podman) -> list[str]:
    """What stands in for PostgreSQL and Valkey from a registry."""
    context = podman.folder / "servers"
    shutil.copytree(OWN / "servers", context)
    programs = copy_of_wheels(find_wheels(), context / "made").valkey_server.parent
    programs.rename(context / "programs")
    names = [f"docker.io/library/{services()['postgres']['image']}", f"docker.io/{services()['valkey']['image']}"]
    options = ("--quiet", "--network=host", "--layers=false", "--pull=never")
    podman.must("build", *options, *(f"--tag={name}" for name in names), context)
    return names

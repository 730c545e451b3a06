"""A base image without a registry: a minimal Debian with its Python 3.13, under the name in the Dockerfile."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.support.podman import Podman

NAME = "docker.io/library/python:3.13-slim"
_RELEASE = "trixie"  # whose Python is 3.13
_PACKAGES = "python3-venv,python-is-python3,ca-certificates"
# What python3-venv would put into an environment, where the image python has it: in Python itself.
_INSTALL_PIP = (
    "import glob, zipfile; (wheel,) = glob.glob('/usr/share/python-wheels/pip-*.whl'); "
    "zipfile.ZipFile(wheel).extractall('/usr/local/lib/python3.13/dist-packages')"
)
_LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*")


class NoContainers(Exception):
    """Something outside this project is in the way; the text says what."""


def make_base(archive: Path) -> Path:
    """A root file system of a minute's work. Raises NoContainers."""
    options = ["--variant=minbase", "--mode=root", "--quiet", f"--include={_PACKAGES}", "--dpkgopt=force-unsafe-io"]
    options += [f"--dpkgopt=path-exclude={pattern}" for pattern in _LEFT_OUT]
    options += [f'--customize-hook=chroot "$1" python -c "{_INSTALL_PIP}"']
    try:
        done = subprocess.run(
            ["mmdebstrap", *options, _RELEASE, archive, *_mirror()],
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NoContainers("Debian's packages did not come within ten minutes") from error
    if done.returncode != 0:
        raise NoContainers(f"no base image could be made of Debian's packages: {last_line(done.stderr)}")
    return archive


def _mirror() -> list[str]:
    """Where this machine's own Debian comes from; without one, mmdebstrap knows where Debian is."""
    words = ("apt-get", "indextargets", "--format", "$(REPO_URI)", "Identifier: Packages", "Label: Debian")
    asked = subprocess.run(words, capture_output=True, text=True, check=False)
    return asked.stdout.split()[:1]


def podman_with_base(folder: Path, archive: Path) -> Podman:
    """By overlay where the machine has it. Raises NoContainers where not even vfs can run a program."""
    said = ""
    for driver in ("overlay", "vfs"):
        podman = Podman(folder=folder / driver, driver=driver)
        podman.prepare()
        steps = (
            ("import", "--quiet", archive, NAME),
            ("network", "create", "trial"),
            ("run", "--rm", "--network=trial", "--init", NAME, "python", "-m", "pip", "--version"),
            ("network", "rm", "trial"),
        )
        failed = next((done for step in steps if (done := podman.run(*step)).returncode != 0), None)
        if failed is None:
            return podman
        said = last_line(failed.stderr)
        podman.end()
    raise NoContainers(f"podman cannot run a container here: {said}")


def pip_secrets(python: str, folder: Path) -> Iterator[str]:
    """Options of a build that give it what this machine's pip is told of the way to PyPI, and no file:// of its own."""
    folder.mkdir(exist_ok=True)
    listed = subprocess.run([python, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True).stdout
    told = dict(line.split("=", 1) for line in listed.splitlines() if "=" in line)
    settings = {name.rpartition(".")[2].lstrip("."): value.strip("'\"") for name, value in told.items()}
    lines = ["[global]", "timeout = 60"]
    lines += [f"{name} = {settings[name]}" for name in ("index-url", "proxy", "trusted-host") if name in settings]
    if "cert" in settings:
        shutil.copyfile(settings["cert"], folder / "ca.pem")
        lines.append("cert = /run/secrets/ca.pem")
        yield f"--secret=id=ca.pem,src={folder / 'ca.pem'}"
    (folder / "pip.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")
    yield f"--secret=id=pip.conf,src={folder / 'pip.conf'}"


def last_line(text: str) -> str:
    return next(reversed(text.strip().splitlines()), "it says nothing")

"""A base image without a registry: a minimal Debian with its Python 3.13, under the name in the Dockerfile."""

from __future__ import annotations

import shutil
import subprocess
import sys
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
# Answers may take a moment: the server has only just been started.
_ASK = """
import time, urllib.request
for attempt in range(100):
    try:
        urllib.request.urlopen("{url}", timeout=5)
        break
    except OSError:
        time.sleep(0.2)
else:
    raise SystemExit("{url} does not answer")
"""
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
            timeout=300,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NoContainers("Debian's packages did not come within five minutes") from error
    if done.returncode != 0:
        raise NoContainers(f"no base image could be made of Debian's packages: {last_line(done.stderr)}")
    return archive


def _mirror() -> list[str]:
    """Where this machine's own Debian comes from; without one, mmdebstrap knows where Debian is."""
    words = ("apt-get", "indextargets", "--format", "$(REPO_URI)", "Identifier: Packages", "Label: Debian")
    asked = subprocess.run(words, capture_output=True, text=True, check=False)
    return asked.stdout.split()[:1]


def podman_with_base(folder: Path, archive: Path) -> Podman:
    """By overlay where the machine has it. Raises NoContainers where not even vfs can do what these tests need."""
    said = ""
    for driver in ("overlay", "vfs"):
        podman = Podman(folder=folder / driver, driver=driver)
        podman.prepare()
        try:
            _try_out(podman, archive)
        except NoContainers as error:
            said = str(error)
            podman.end()
        else:
            return podman
    raise NoContainers(f"podman cannot run containers here: {said}")


def _try_out(podman: Podman, archive: Path) -> None:
    """Containers that find each other by name, and that this machine reaches by a port of its own."""
    server = ("--detach", "--init", "--name=trial", "--network=trial", "--publish=127.0.0.1::8000", NAME)
    steps = (
        ("import", "--quiet", archive, NAME),
        ("network", "create", "trial"),
        ("run", *server, "python", "-m", "http.server", "8000"),
        ("run", "--rm", "--network=trial", NAME, "python", "-c", _ASK.format(url="http://trial:8000")),
        ("port", "trial", "8000"),
    )
    address = ""
    for step in steps:
        done = podman.run(*step)
        if done.returncode != 0:
            raise NoContainers(last_line(done.stderr))
        address = done.stdout.strip()
    asked = subprocess.run(
        [sys.executable, "-c", _ASK.format(url=f"http://{address}")], check=False, capture_output=True
    )
    if asked.returncode != 0:
        raise NoContainers("a published port leads nowhere")
    for last in (("rm", "--force", "--time", "0", "trial"), ("network", "rm", "trial")):
        podman.run(*last)


def pip_secrets(python: str, folder: Path) -> Iterator[str]:
    """Options of a build that give it what this machine's pip is told of the way to PyPI, and no file:// of its own."""
    folder.mkdir(exist_ok=True)
    listed = subprocess.run([python, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True).stdout
    told = dict(line.split("=", 1) for line in listed.splitlines() if "=" in line)
    settings = {name.rpartition(".")[2].lstrip("."): value.strip("'\"") for name, value in told.items()}
    lines = ["[global]", "timeout = 60"]
    lines += [f"{name} = {settings[name]}" for name in ("index-url", "proxy", "trusted-host") if name in settings]
    if Path(settings.get("cert", "-")).is_file():
        shutil.copyfile(settings["cert"], folder / "ca.pem")
        lines.append("cert = /run/secrets/ca.pem")
        yield f"--secret=id=ca.pem,src={folder / 'ca.pem'}"
    (folder / "pip.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")
    yield f"--secret=id=pip.conf,src={folder / 'pip.conf'}"


def last_line(text: str) -> str:
    return next(reversed(text.strip().splitlines()), "it says nothing")

"""The library's wheel in a virtual environment that has its dependencies and knows nothing of this checkout."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

from tests.support.commands import REPOSITORY, Spawned, environment_for, spawn

# What a shell finds there; the dependencies' own, so that they run as installed programs do.
PROGRAMS = ("alembic", "arq")


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignVenv:
    """`home` is the folder of the application that is started in it."""

    folder: Path
    home: Path

    @property
    def programs(self) -> Path:
        return self.folder / "bin"

    @property
    def servers(self) -> Path:
        """Where its embedded servers are."""
        return self.folder.with_name("servers")

    def environment(self, **more: str) -> dict[str, str]:
        own = environment_for(BACKFILL_EMBEDDED_DIR=str(self.servers), **more)
        own.pop("PYTHONPATH", None)
        return own | {"PATH": f"{self.programs}:{own['PATH']}", "VIRTUAL_ENV": str(self.folder)}

    def run(self, *words: str, timeout: float = 120.0, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.programs / words[0]), *words[1:]],
            env=self.environment(**more),
            timeout=timeout,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def done(self, *words: str) -> str:
        """What it printed, after asserting that it was successful."""
        ended = self.run(*words)
        assert ended.returncode == 0, f"{words}: {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
        return ended.stdout

    def spawn(self, *words: str, log_file: Path, **more: str) -> Spawned:
        return spawn([str(self.programs / words[0]), *words[1:]], self.environment(**more), log_file, cwd=self.home)


def build_wheel(folder: Path) -> Path:
    """From the checkout, without a network."""
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(REPOSITORY))
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(wheel: Path, folder: Path, home: Path) -> ForeignVenv:
    venv.create(folder, symlinks=True)
    made = ForeignVenv(folder=folder, home=home)
    _pip("install", "--no-deps", str(wheel), python=made.programs / "python")
    site_packages = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    # The dependencies alone: .pth files of a folder that a .pth file names are not read, and so not the editable
    # install's, which would put the checkout on the path.
    (site_packages / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    for name in PROGRAMS:
        _, _, code = (Path(sys.executable).parent / name).read_text(encoding="utf-8").partition("\n")
        program = made.programs / name
        program.write_text(f"#!{made.programs / 'python'}\n{code}", encoding="utf-8")
        program.chmod(0o755)
    return made


def _pip(command: str, *arguments: str, python: Path | None = None) -> None:
    where = ("--python", str(python)) if python is not None else ()
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *where, command, "--no-index", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr

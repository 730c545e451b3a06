"""docker-compose.yml started by podman-compose, in a folder of its own and on a port of its own."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support.commands import REPOSITORY
from tests.support.compose import SECRETS, compose
from tests.support.podman import Podman


def write_project(folder: Path) -> int:
    """The compose file and its secrets; returns the port of this machine that leads to the HTTP service.

    The file is as it is, but for that port and that nothing waits for anything else.

    Podman before 4.6 cannot wait for a health check, and cannot start what depends on a container that has ended.
    """
    secrets = (sys.executable, "scripts/compose_secrets.py", folder / "secrets")
    subprocess.run(secrets, cwd=REPOSITORY, check=True, capture_output=True)
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    document = json.loads(json.dumps(compose()))  # a copy
    for service in document["services"].values():
        service.pop("depends_on", None)
    document["services"]["api"]["ports"] = [f"127.0.0.1:{port}:8080"]
    (folder / "docker-compose.yml").write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return port


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    podman: Podman
    wheel: Path  # of podman-compose
    folder: Path
    port: int

    def compose(self, *words: str) -> str:
        program = ("env", f"PYTHONPATH={self.wheel}", sys.executable, "-m", "podman_compose")
        return self.podman.must("--file", str(self.folder / "docker-compose.yml"), *words, program=program)

    def start(self, *services: str, workers: int = 1) -> None:
        self.compose("up", "--no-build", "--no-recreate", "--detach", f"--scale=worker={workers}", *services)

    def is_healthy(self, container: str) -> bool:
        """By the check of the compose file."""
        return self.podman.run("healthcheck", "run", f"backfill_{container}").returncode == 0

    def exec(self, container: str, *words: str, given: str = "") -> str:
        return self.podman.must("exec", "--interactive", f"backfill_{container}", *words, given=given)

    def status(self, container: str) -> dict[str, Any] | None:
        """Of the latest run; None when the command found no server, as happens while the network gets a new member."""
        done = self.podman.run("exec", f"backfill_{container}", "backfill", "status", "--json")
        found: dict[str, Any] | None = json.loads(done.stdout) if done.returncode == 0 else None
        return found

    def sql(self, script: str) -> str:
        client = "psql -qXAt -v ON_ERROR_STOP=1 -h 127.0.0.1 -U codebegen codebegen"
        return self.exec(
            "postgres_1", "sh", "-c", f"PGPASSWORD=$(cat {SECRETS}postgres_password) {client}", given=script
        )

    def log(self, container: str) -> list[dict[str, Any]]:
        done = self.podman.run("logs", f"backfill_{container}")
        lines = (done.stdout + done.stderr).splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

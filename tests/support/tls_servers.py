"""Servers that speak TLS themselves, as the wheels' do not: Debian's, where they are installed.

Neither lets anybody in who does not encrypt.
"""

from __future__ import annotations

import shutil
import signal
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

from backfill.embedded.children import Household, Program
from tests.support.certificates import Certificate
from tests.support.started_servers import Quarters

_ROLE = "codebegen"
_ANSWER_SECONDS = 1.0
_HBA = f"hostssl all {_ROLE} 127.0.0.1/32 scram-sha-256\n"
_REDIS = """\
bind 127.0.0.1
port 0
tls-port {port}
tls-cert-file {certificate}
tls-key-file {key}
tls-auth-clients no
requirepass {password}
save ""
appendonly yes
"""


def find_postgres() -> Path | None:
    """The folder of the newest server programs of Debian's, which are built with TLS."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


def find_redis() -> str | None:
    """Not from PATH, where a wheel's may stand."""
    return shutil.which("redis-server", path="/usr/bin") or shutil.which("valkey-server", path="/usr/bin")


@dataclass(frozen=True, kw_only=True)
class TlsPostgres:
    quarters: Quarters
    programs: Path
    certificate: Certificate
    name: str = "PostgreSQL with TLS"
    stop_signal: signal.Signals = signal.SIGINT
    kill_signal: signal.Signals = signal.SIGQUIT

    @property
    def log(self) -> Path:
        return self.quarters.place.log("tls-postgres")

    @property
    def cluster(self) -> Path:
        return self.quarters.place.servers / "tls-postgres"

    def prepare(self, household: Household) -> None:
        pwfile = f"--pwfile={self.quarters.place.password_file('postgres')}"
        options = [f"--username={_ROLE}", "--auth=scram-sha-256", pwfile, "--locale=C", "--encoding=UTF8"]
        assert household.run(self._program(["initdb", *options, f"--pgdata={self.cluster}"])) == 0, self.log.read_text()

    def program(self, port: int) -> Program:
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "port": str(port),
            "hba_file": str(self.quarters.give("hba.conf", _HBA.encode())),
            "ssl": "on",
            "ssl_cert_file": str(self.quarters.give("postgres.pem", self.certificate.certificate.read_bytes())),
            "ssl_key_file": str(self.quarters.give("postgres.key", self.certificate.key.read_bytes())),
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        return self._program(["postgres", "-D", str(self.cluster), *options])

    def answers(self, pid: int, port: int) -> bool:
        file = self.cluster / "postmaster.pid"
        return file.exists() and "ready" in file.read_text()

    def url(self, port: int) -> str:
        return f"postgresql://{_ROLE}:{self.quarters.place.password('postgres')}@127.0.0.1:{port}/postgres"

    def _program(self, command: list[str]) -> Program:
        return Program(
            command=[str(self.programs / command[0]), *command[1:]],
            folder=self.quarters.place.servers,
            log=self.log,
            death_signal=self.stop_signal,
        )


@dataclass(frozen=True, kw_only=True)
class TlsRedis:
    quarters: Quarters
    program_file: str
    certificate: Certificate
    name: str = "Redis with TLS"
    stop_signal: signal.Signals = signal.SIGTERM
    kill_signal: signal.Signals = signal.SIGKILL

    @property
    def log(self) -> Path:
        return self.quarters.place.log("tls-redis")

    def prepare(self, household: Household) -> None:
        """Everything it needs is in its configuration."""

    def program(self, port: int) -> Program:
        configuration = _REDIS.format(
            port=port,
            certificate=self.quarters.give("redis.pem", self.certificate.certificate.read_bytes()),
            key=self.quarters.give("redis.key", self.certificate.key.read_bytes()),
            password=self.quarters.place.password("valkey"),
        )
        return Program(
            command=[self.program_file, "-"],
            folder=self.quarters.place.servers,
            log=self.log,
            death_signal=self.stop_signal,
            standard_input=configuration.encode(),
        )

    def answers(self, pid: int, port: int) -> bool:
        """Whom to trust is the tests' question, not this one's."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            with (
                socket.create_connection(("127.0.0.1", port), timeout=_ANSWER_SECONDS) as connection,
                context.wrap_socket(connection) as encrypted,
            ):
                encrypted.sendall(b"PING\r\n")
                return encrypted.recv(1) == b"-"  # it wants a password
        except OSError:
            return False

    def url(self, port: int) -> str:
        return f"rediss://:{self.quarters.place.password('valkey')}@127.0.0.1:{port}/0"

"""The embedded servers' recipes, for servers that listen on one more address of this machine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from backfill.embedded.children import Household, Program
from backfill.embedded.postgres import PostgresRecipe
from backfill.embedded.valkey import ValkeyRecipe

_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class ReachablePostgres(PostgresRecipe):
    address: str

    def prepare(self, household: Household) -> None:
        super().prepare(household)
        with (self.cluster / "pg_hba.conf").open("a", encoding="utf-8") as rules:
            rules.write("host all all samenet scram-sha-256\n")

    def program(self, port: int) -> Program:
        program = super().program(port)
        return replace(program, command=[*program.command, f"--listen_addresses={_LOOPBACK},{self.address}"])

    def url(self, port: int) -> str:
        return _moved(super().url(port), self.address)


@dataclass(frozen=True, kw_only=True)
class ReachableValkey(ValkeyRecipe):
    address: str

    def program(self, port: int) -> Program:
        program = super().program(port)
        bound = f"bind {_LOOPBACK}"
        configuration = program.standard_input.decode().replace(bound, f"{bound} {self.address}")
        return replace(program, standard_input=configuration.encode())

    def url(self, port: int) -> str:
        return _moved(super().url(port), self.address)


def _moved(url: str, address: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@{address}:{parts.port}").geturl()

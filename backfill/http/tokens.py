"""Access tokens: random secrets of which the service keeps the hashes only, each with a name and a scope.

A token is 256 random bits, so one round of SHA-256 is enough: there is nothing to guess and nothing to stretch. Several
tokens may carry one name, which is how a token is replaced without a moment in which none is good.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from backfill.runs.errors import SettingsError
from backfill.settings import Settings

PREFIX = "bf_"
SECRET_BYTES = 32
EXPECTED = "Expected name:scope:hash, as `backfill token` prints it."

_LINE = re.compile(r"(?P<name>[A-Za-z0-9._-]{1,64}):(?P<scope>[a-z]+):(?P<digest>[0-9a-f]{64})")


class Scope(StrEnum):
    """`operate` includes `read`."""

    READ = "read"
    OPERATE = "operate"

    def covers(self, needed: Scope) -> bool:
        return needed is Scope.READ or self is Scope.OPERATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    name: str
    scope: Scope
    digest: bytes = field(repr=False)

    def line(self) -> str:
        """As BACKFILL_TOKENS and the file that BACKFILL_TOKENS_FILE names want it."""
        return f"{self.name}:{self.scope}:{self.digest.hex()}"


@dataclass(frozen=True, slots=True)
class TokenBook:
    """The tokens that are good; with none in it, being on this machine is the credential."""

    tokens: tuple[Token, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.tokens)

    def find(self, secret: str) -> Token | None:
        """Compares with every token, each in constant time, so that the time taken says nothing."""
        digest = hashlib.sha256(secret.encode(errors="replace")).digest()
        found = None
        for token in self.tokens:
            if hmac.compare_digest(token.digest, digest):
                found = token
        return found


def new_token(name: str, scope: Scope) -> tuple[str, Token]:
    """A secret, which is nowhere else, and what the service keeps of it. Raises SettingsError for a name that no line
    can hold."""
    secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    token = Token(name=name, scope=scope, digest=hashlib.sha256(secret.encode()).digest())
    _parse(token.line(), "the name")
    return secret, token


def load_book(settings: Settings) -> TokenBook:
    """From BACKFILL_TOKENS and the file; raises SettingsError that says which entry is wrong, never what it holds."""
    entries = list(_entries_of_setting(settings)) + list(_entries_of_file(settings))
    return TokenBook(tuple(_parse(entry, where) for where, entry in entries))


def _entries_of_setting(settings: Settings) -> Iterator[tuple[str, str]]:
    if settings.tokens is None:
        return
    for number, entry in enumerate(settings.tokens.get_secret_value().split(","), start=1):
        if entry.strip():
            yield f"BACKFILL_TOKENS, entry {number}", entry.strip()


def _entries_of_file(settings: Settings) -> Iterator[tuple[str, str]]:
    if settings.tokens_file is None:
        return
    try:
        lines = settings.tokens_file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise SettingsError(f"BACKFILL_TOKENS_FILE {settings.tokens_file} cannot be read: {reason}.") from error
    for number, line in enumerate(lines, start=1):
        entry = line.partition("#")[0].strip()
        if entry:
            yield f"{settings.tokens_file}, line {number}", entry


def _parse(entry: str, where: str) -> Token:
    match = _LINE.fullmatch(entry)
    if match is None:
        raise SettingsError(f"{where}: this is no token.", EXPECTED)
    if match["scope"] not in set(Scope):
        raise SettingsError(f"{where}: the scope is neither read nor operate.", EXPECTED)
    return Token(name=match["name"], scope=Scope(match["scope"]), digest=bytes.fromhex(match["digest"]))

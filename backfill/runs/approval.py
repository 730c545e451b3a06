"""Who may approve a run that needs it: anybody but the person who asked for it, as far as names can tell."""

from __future__ import annotations

_SHELL, _SERVICE = "cli:", "http"


def same_person(first: str, second: str) -> bool:
    """Of two names as events have them: `cli:ann@host`, `http:ann` (the name of a token), or `http`.

    An account is the same on every host, and as the name of a token. A service without tokens does not know who calls
    it: `http` may be anybody.
    """
    return _person(first) == _person(second) != ""


def _person(who: str) -> str:
    if who.startswith(_SHELL):
        return who.removeprefix(_SHELL).rpartition("@")[0]
    return who.removeprefix(_SERVICE).removeprefix(":") if who.startswith(_SERVICE) else who

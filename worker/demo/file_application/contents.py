"""New files, as a language model would give them: several texts, one of them empty, none twice the same."""

from __future__ import annotations

from random import Random

_PATHS = (
    "README.md",
    "requirements.txt",
    "app/main.py",
    "app/models/invoice.py",
    "app/models/customer.py",
    "app/routes/invoice.py",
    "app/routes/customer.py",
    "docs/Überblick.md",
    "tests/test_invoice.py",
)
_WORDS = ("invoice", "customer", "select", "await", "session", "return", "größe", "total", "price", "naïve")


def new_files(random: Random, mark: str) -> dict[str, bytes]:
    """`mark` is in every file but the empty one, so that no file can stand for another."""
    paths = random.sample(_PATHS, random.randrange(2, len(_PATHS)))
    files = {path: _text(random, f"{mark} {path}").encode() for path in paths}
    return {**files, "app/__init__.py": b""}


def _text(random: Random, heading: str) -> str:
    lines = (" ".join(random.choices(_WORDS, k=8)) for _ in range(random.randrange(2, 40)))
    return "\n".join([f"# {heading}", *lines, ""])

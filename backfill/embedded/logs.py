"""Log files of the keeper and the servers: where a start begins in them, and how it ended."""

from __future__ import annotations

from pathlib import Path

_LAST_LINES = 6


def size_of_log(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def end_of_log(path: Path, start: int) -> str:
    """A sentence with the last lines written since the file was `start` bytes long."""
    lines = [line for line in log_since(path, start).splitlines() if line.strip()]
    if not lines:
        return f"Its log {path} says nothing."
    return "\n    ".join([f"Its log {path} ends with:", *lines[-_LAST_LINES:]])


def log_since(path: Path, start: int) -> str:
    try:
        with path.open("rb") as file:
            file.seek(start)
            return file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""


def turn_over(path: Path) -> None:
    """Begin a new log and keep the one before it: two in all, so they cannot grow for ever."""
    if path.exists():
        path.replace(path.with_name(f"{path.name}.1"))

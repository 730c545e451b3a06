"""Finds definitions: in installed packages by their entry points, and in the modules that a setting names.

What cannot be imported is named with its error, and everything else is there all the same: one author's mistake must
not stop the backfills of others.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import TypeGuard

from backfill.definitions.declared import Declared
from backfill.definitions.definition import Definition

ENTRY_POINT_GROUP = "backfill.definitions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A place that should hold definitions, and why nothing could be had from it."""

    place: str
    error: str

    def __str__(self) -> str:
        return f"{self.place}: {self.error}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """By name, in the order in which they were found."""

    definitions: Mapping[str, Definition]
    broken: tuple[Broken, ...]


def discover(modules: Sequence[str]) -> Found:
    """What `modules` define (dotted names, also of modules in the working directory), then the installed packages."""
    definitions: dict[str, Definition] = {}
    broken: list[Broken] = []
    for place, found in (*map(_of_module, modules), *_of_entry_points()):
        if isinstance(found, Broken):
            broken.append(found)
            continue
        for definition in found:
            known = definitions.setdefault(definition.name, definition)
            if known is not definition:
                broken.append(Broken(place=place, error=f"there is another backfill called {definition.name}"))
    return Found(definitions=definitions, broken=tuple(broken))


def _of_module(name: str) -> tuple[str, tuple[Definition, ...] | Broken]:
    here = str(Path.cwd())
    if here not in sys.path:
        # At the end, as arq does it: a file there must not take the place of an installed package.
        sys.path.append(here)
    try:
        module = import_module(name)
    except Exception as error:  # noqa: BLE001 - an author's module may raise anything
        return name, Broken(place=name, error=_words(error))
    found = tuple(_definitions_in(vars(module).values()))
    return name, found or Broken(place=name, error="it is imported, but defines no backfill")


def _of_entry_points() -> Iterator[tuple[str, tuple[Definition, ...] | Broken]]:
    """One leads to a definition, or to a module with some."""
    for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda one: one.name):
        place = f"entry point {point.name} ({point.value})"
        try:
            loaded = point.load()
        except Exception as error:  # noqa: BLE001 - an author's module may raise anything
            yield place, Broken(place=place, error=_words(error))
            continue
        values = vars(loaded).values() if isinstance(loaded, ModuleType) else [loaded]
        found = tuple(_definitions_in(values))
        yield place, found or Broken(place=place, error="it leads to no definition of a backfill")


def _definitions_in(values: Iterable[object]) -> Iterator[Definition]:
    """Each once, whatever the number of its names."""
    seen: list[Definition] = []
    for value in values:
        found = value.definition() if _is_declared(value) else value
        if isinstance(found, Definition) and found not in seen:
            seen.append(found)
            yield found


def _is_declared(value: object) -> TypeGuard[type[Declared]]:
    return isinstance(value, type) and issubclass(value, Declared) and value.is_complete()


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__

"""Loads two libraries without what they bring along and a worker never uses: about 12 MiB of each worker's memory.

Importing this does it, so it comes before whatever else imports them. Where an application has loaded the whole of one
already, or wants it later, it has it: nothing is taken away.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.abc import Loader
from threading import RLock
from types import ModuleType
from typing import Any

_ASYNCIO = "sqlalchemy.ext.asyncio"
_CORE = frozenset(("AsyncConnection", "AsyncEngine", "create_async_engine"))


class _WithoutSessions(ModuleType):
    """A package that has not been run: the names of its engines are in it, and the rest comes with the first other one
    that is asked for. It is its sessions that need the ORM, and no boundary of ours lies between the two."""

    is_whole = False

    def __getattr__(self, name: str) -> Any:
        with _completing:
            if not self.is_whole:
                self.is_whole = True  # first: what it runs asks it for names
                _loader_of(self).exec_module(self)
        if name in self.__dict__:
            return self.__dict__[name]
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")


_completing = RLock()


def _loader_of(package: ModuleType) -> Loader:
    spec = package.__spec__
    if spec is None or spec.loader is None:
        raise ImportError(f"{package.__name__} has no loader")
    return spec.loader


def _sqlalchemy_without_orm() -> None:
    if _ASYNCIO in sys.modules or (spec := importlib.util.find_spec(_ASYNCIO)) is None:
        return
    package = importlib.util.module_from_spec(spec)
    sys.modules[_ASYNCIO] = package
    engine = vars(importlib.import_module(f"{_ASYNCIO}.engine"))
    vars(package).update((name, engine[name]) for name in _CORE & engine.keys())
    parent, _, own = _ASYNCIO.rpartition(".")
    setattr(sys.modules[parent], own, package)
    package.__class__ = _WithoutSessions


def _structlog_without_rich() -> None:
    """It takes rich where it finds it, for tracebacks that show local variables: those are never wanted, as
    `backfill.logging` says."""
    if "rich" in sys.modules:
        return
    sys.modules["rich"] = None  # type: ignore[assignment]  # as the language has it: an import of it fails
    try:
        importlib.import_module("structlog")
    finally:
        del sys.modules["rich"]


_sqlalchemy_without_orm()
_structlog_without_rich()

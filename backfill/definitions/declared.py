"""What all declarations in the form of a class have in common: from the class follows a `Definition`."""

from __future__ import annotations

import inspect
import re
from abc import ABC, abstractmethod
from typing import ClassVar

from backfill.definitions.definition import Definition
from backfill.definitions.mistakes import AuthorsMistake


class Declared(ABC):
    """`name` is derived from the class where it gives none, `about` is the first sentence of its docstring."""

    name: ClassVar[str]
    about: ClassVar[str]

    @classmethod
    @abstractmethod
    def is_complete(cls) -> bool:
        """Whether there is enough to run it: a base class of an author's own need not have everything."""

    @classmethod
    @abstractmethod
    def definition(cls) -> Definition:
        """The same one every time. Raises AuthorsMistake."""


def name_of(cls: type[Declared]) -> str:
    """EmailNormalized: email-normalized."""
    given = getattr(cls, "name", None)
    return given if given is not None else re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", cls.__name__).lower()


def about_of(cls: type[Declared]) -> str:
    """Raises AuthorsMistake: operators get to see it."""
    given = getattr(cls, "about", None) or (cls.__dict__.get("__doc__") and inspect.cleandoc(cls.__dict__["__doc__"]))
    if not given:
        raise AuthorsMistake(cls.__name__, "it has no docstring: say in one sentence what a run fills in")
    return " ".join(str(given).split("\n\n")[0].split())

"""What an author got wrong in a definition, told when the definition is made and not when it runs."""

from __future__ import annotations


class AuthorsMistake(ValueError):
    """`where` names the class and the attribute; the message says what is wrong with it, and what to write instead."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}")
        self.where = where
        self.what = what

"""What an author got wrong in a definition, and what an author refuses of a row."""

from __future__ import annotations


class AuthorsMistake(ValueError):
    """Told when the definition is made and not when it runs. `where` names the class and the attribute; the message
    says what is wrong with it, and what to write instead."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}")
        self.where = where
        self.what = what


class Refused(Exception):
    """Raised by an author's function for a row that it does not take. Its text is shown: as the reason of the row's
    quarantine, in logs, in events. So it must hold nothing of the row; of other exceptions class and place are told.
    """

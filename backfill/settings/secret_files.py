"""Reads a secret from the file that a setting names, as Docker and Kubernetes hand secrets out.

A file is seen by neither `ps` nor `docker inspect`, and child processes do not inherit it. What is wrong with it is
said without its content and without its name: somebody may have put the secret itself where the name belongs.
"""

from __future__ import annotations

from pathlib import Path

LONGEST_BYTES = 64 * 1024


def content_of(name: object) -> object:
    """The text of the file called `name`, without blanks at its ends; raises ValueError that says why there is none."""
    try:
        with Path(str(name)).open("rb") as file:
            text = file.read(LONGEST_BYTES).decode().strip()
    except OSError as error:
        raise ValueError(f"the file cannot be read: {error.strerror}") from None
    except ValueError:  # not UTF-8; or a name that no file can have
        raise ValueError("the file cannot be read: it is not UTF-8 text") from None
    if not text:
        raise ValueError("the file is empty")
    return text

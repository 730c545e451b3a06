"""What can be set about logs, and setting them up only when there is something to log.

A command that looks at a run logs nothing as a rule. What formats a line takes a fifth of the time that such a command
may take, so it is loaded with the first line.
"""

from __future__ import annotations

import logging
from typing import Literal

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
LogFormat = Literal["auto", "console", "json"]


def setup_logging_when_needed(level: LogLevel, log_format: LogFormat) -> None:
    """As `backfill.logging.setup_logging`, for a program in which nobody but libraries logs."""
    root = logging.getLogger()
    root.addHandler(_SetUpFirst(level, log_format))
    root.setLevel(level)


class _SetUpFirst(logging.Handler):
    """Comes before the handler that it installs, so that one gets the first record too."""

    def __init__(self, level: LogLevel, log_format: LogFormat) -> None:
        super().__init__()
        self._settings = (level, log_format)
        self._is_done = False

    def emit(self, record: logging.LogRecord) -> None:
        del record
        if self._is_done:
            return
        self._is_done = True
        from backfill.logging import setup_logging  # noqa: PLC0415 - only now there is something to log

        setup_logging(*self._settings)

"""Everything the program says about itself goes to stderr in one form, with passwords and tokens taken out.

On a terminal a line is meant for a person, anywhere else it is one JSON object, where nothing else is asked for.
Libraries that log through the standard library (arq, uvicorn, Alembic, SQLAlchemy) pass through the same formatter, so
that one stream can be read by one tool. They are masked in the finished line and not in the values: there is no value,
traceback or library message that could go round it.

`setup_logging` may be called again: arq's command line installs its own handlers after it has imported the
worker, so the worker calls it once more when it starts.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING, TextIO

import structlog

from backfill.late_logging import LogFormat
from backfill.masking import mask_passwords

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

_LIBRARIES_WITH_HANDLERS = ("arq", "uvicorn", "uvicorn.access", "uvicorn.error", "alembic", "sqlalchemy")
# What these say at INFO is about themselves: every statement, every job, every plugin, the choice of the event loop.
_TALKATIVE = ("sqlalchemy", "arq.worker", "alembic.runtime.plugins", "asyncio", "httpx", "httpcore")

_TAKEN_FOR_GRANTED = ("Context impl", "Will assume", "Generating static SQL")


def setup_logging(level: str = "INFO", log_format: LogFormat = "auto", *, stream: TextIO | None = None) -> None:
    """Sends structlog's and the standard library's messages from `level` on to `stream`, by default stderr."""
    stream = stream or sys.stderr
    for_person = log_format == "console" or (log_format == "auto" and stream.isatty())
    early = _early_processors(for_person, stream)

    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *early,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,  # a logger used before this call must not keep structlog's stdout
    )
    handler = _OneFormHandler(stream)
    handler.addFilter(_says_something)
    handler.setFormatter(_MaskingFormatter(foreign_pre_chain=early, processors=_late_processors(for_person, stream)))
    _install(handler, level)


def _says_something(record: logging.LogRecord) -> bool:
    """Alembic begins whatever it does with what it takes for granted."""
    return record.name != "alembic.runtime.migration" or not str(record.msg).startswith(_TAKEN_FOR_GRANTED)


class _OneFormHandler(logging.StreamHandler[TextIO]):
    """Ours, and told from other handlers by its class: test tools hang theirs on the root logger as well."""


class _MaskingFormatter(structlog.stdlib.ProcessorFormatter):
    def format(self, record: logging.LogRecord) -> str:
        return mask_passwords(super().format(record)).rstrip(" ")


def _install(handler: logging.Handler, level: str) -> None:
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old, _OneFormHandler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name in _LIBRARIES_WITH_HANDLERS:
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
        library.setLevel(logging.NOTSET)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _early_processors(for_person: bool, stream: TextIO) -> list[Processor]:
    local = "%H:%M:%S" if stream.isatty() else "%Y-%m-%d %H:%M:%S"  # elsewhere it is read later
    clock = structlog.processors.TimeStamper(fmt=local if for_person else "iso", utc=not for_person)
    return [structlog.stdlib.add_logger_name, structlog.stdlib.add_log_level, clock]


def _late_processors(for_person: bool, stream: TextIO) -> list[Processor]:
    remove_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    exception = structlog.processors.format_exc_info
    if for_person:
        colors = stream.isatty() and "NO_COLOR" not in os.environ
        plain = structlog.dev.plain_traceback  # the rich one shows local variables, and with them secrets
        return [remove_meta, _for_person, structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain)]
    return [remove_meta, exception, _event_first, structlog.processors.JSONRenderer(default=str)]


def _for_person(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Without the part of the program, which says nothing to whoever runs it, and without a level that is as usual."""
    event.pop("logger", None)
    if event.get("level") == "info":
        del event["level"]
    return event


def _event_first(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Puts what every line has first, and in one order: time, level, logger, event."""
    head = {key: event.pop(key) for key in ("timestamp", "level", "logger", "event") if key in event}
    return {**head, **event}

"""Processes of a function's own: for work on the CPU, which in threads would keep the worker's heart from beating.

A process has one call at a time, so that it is known whose fault its end was. It ends with the worker, however that
ends: between calls it finds the pipe closed, in a call another of its threads sees the worker go.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import ForkingPickler
from typing import Any

from backfill.definitions.calls.answers import THE_FUNCTION, Answer, Answers, Gave, Place, Raised, Row
from backfill.engine.guard import told_by_class

_READY = "ready"


class ChildEnded(Exception):
    """In the middle of a call."""


class CannotBegin(Exception):
    """The function is not to be found in another process; the text says why, without a value of any row."""


class Child:
    """`start`, then `call`: both block. `kill` from any thread ends a call as well."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None

    def start(self) -> None:
        """Raises CannotBegin. A forked copy of a process with threads would inherit their locks: it is a new one."""
        if self._process is not None:
            return
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        # As a daemon it is ended where the interpreter ends without having closed it.
        self._process = context.Process(target=_serve, args=(theirs, self._place), daemon=True)
        try:
            self._process.start()
        except Exception as error:  # no room for another, or none allowed to a process like this one
            told = told_by_class("starting it", error)
            raise CannotBegin(f"a process for {self._place} cannot begin: {told}") from error
        theirs.close()
        try:
            told = self._received()
        except ChildEnded:
            told = "it ended before it was ready"
        if told != _READY:
            raise CannotBegin(f"a process for {self._place} cannot begin: {told}")

    def call(self, rows: Sequence[Row], *besides: Any) -> Answers:
        """Raises ChildEnded."""
        try:
            self._pipe.send((rows, *besides))
        except OSError as error:
            raise ChildEnded from error
        except Exception as error:  # noqa: BLE001 - pickling runs code of the values' types
            return Raised(told_by_class("handing the row to its process", error))
        answers: Answers = self._received()
        return answers

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    @property
    def _pipe(self) -> Connection:
        if self._connection is None:
            raise ChildEnded
        return self._connection

    def _received(self) -> Any:
        try:
            return self._pipe.recv()
        except (EOFError, OSError) as error:
            raise ChildEnded from error


def _serve(connection: Connection, place: Place) -> None:
    """The life of the process."""
    # Ctrl+C in a terminal is for all of them; the worker is the one to say when it is over.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_worker, daemon=True).start()
    try:
        function = place.load()
    except BaseException as error:  # noqa: BLE001 - an author's module may raise anything
        connection.send(told_by_class(f"finding {place}", error))
        return
    with suppress(EOFError, OSError):
        connection.send(_READY)
        while True:
            rows, *besides = connection.recv()
            _send(connection, function.apply(rows, *besides))


def _send(connection: Connection, answers: Answers) -> None:
    try:
        connection.send(answers)
    except OSError:
        raise
    except Exception:  # noqa: BLE001 - what cannot be pickled may raise anything
        connection.send(answers if isinstance(answers, Raised) else [_sendable(answer) for answer in answers])


def _sendable(answer: Answer) -> Answer:
    """What a function gives may not be made to be handed to another process."""
    if isinstance(answer, Gave):
        try:
            ForkingPickler.dumps(answer.value)
        except Exception as error:  # noqa: BLE001 - as above
            return Raised(told_by_class(f"handing back what {THE_FUNCTION} gave", error))
    return answer


def _end_with_the_worker() -> None:  # pragma: no cover - runs in the process until it ends
    worker = parent_process()
    if worker is not None:
        worker.join()
        os._exit(1)

"""Locks on files that the kernel lets go of when their holder dies, however it dies.

`flock` belongs to the open file, so a copy of the descriptor in a child process holds the lock too. That is wanted
for the servers (their files are free only when the last of their processes is gone) and unwanted for users.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

_POLL_SECONDS = 0.02
_CLOSED = -1


class FileLock:
    """One open lock file. Not closed by the garbage collector: forgetting the object must not drop the lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # Python opens with O_CLOEXEC: a program started from here does not hold the lock.
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def close_in_forks(self) -> None:
        """Let no forked child hold the lock either. It closes its copy; unlocking would unlock the parent too."""
        os.register_at_fork(after_in_child=self.close)

    def try_exclusive(self) -> bool:
        return self._try(fcntl.LOCK_EX)

    def try_shared(self) -> bool:
        return self._try(fcntl.LOCK_SH)

    def wait_exclusive(self) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def wait_shared(self) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def exclusive_within(self, seconds: float) -> bool:
        """True when the lock was got within so many seconds."""
        deadline = time.monotonic() + seconds
        while not self.try_exclusive():
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def release(self) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        if self._descriptor != _CLOSED:
            os.close(self._descriptor)
            self._descriptor = _CLOSED

    def fileno(self) -> int:
        return self._descriptor

    def is_at_its_path(self) -> bool:
        """False when the file was deleted: newcomers would lock another one."""
        try:
            there = self.path.stat()
        except FileNotFoundError:
            return False
        return os.path.samestat(there, os.fstat(self._descriptor))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _try(self, kind: int) -> bool:
        try:
            fcntl.flock(self._descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

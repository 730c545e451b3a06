"""Becomes the program that its arguments name, after asking the kernel to kill that program when its parent dies.

    python -m worker.demo.leash PARENT_PROCESS_ID PROGRAM [ARGUMENT ...]

The demo ends what it has started by itself; this is for the demo that is killed and can end nothing. What is asked
for outlasts exec, so the program keeps this process's id and needs to know nothing of it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(parent: str, program: str, *arguments: str) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != int(parent):  # it died before the kernel was asked
        sys.exit(1)
    os.execv(program, [program, *arguments])  # noqa: S606 - becoming that program is the point


if __name__ == "__main__":
    main(*sys.argv[1:])

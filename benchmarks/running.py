"""How a benchmark ends: with 0 whatever it measured, and with a sentence where it could not measure."""

from __future__ import annotations

import sys
from collections.abc import Callable

from backfill.logging import setup_logging
from backfill.runs.errors import OperatorError


def ended(benchmark: Callable[[], None]) -> int:
    """Its exit code."""
    setup_logging("WARNING", "auto")
    try:
        benchmark()
    except OperatorError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0

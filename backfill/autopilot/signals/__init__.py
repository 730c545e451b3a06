"""What the autopilot looks at, one signal to a module, each with its statement beside it in `sql`."""

from backfill.autopilot.signals.asking import Look, Signal, read_signals
from backfill.autopilot.signals.listed import SIGNALS

__all__ = ["SIGNALS", "Look", "Signal", "read_signals"]

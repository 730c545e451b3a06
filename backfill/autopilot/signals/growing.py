"""What a reading that grows with the log will be when the next look can take effect: by then it may be too late.

Two answers. By how much it grew since the last look, it goes on growing. And at worst it stands still from now on, so
that all that is written comes on top: that is known while a standby still follows, and says how much may be written
between two looks at all. On a busy machine these are further apart, and both answers larger.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from backfill.autopilot.law.stops import WELL
from backfill.runs.directive import FRESH_MS
from backfill.runs.readings import Reading

# The next look may come later than this one did, and what it says arrives with the end of a batch.
LOOKS_AHEAD = 1.5
ARRIVES_SECONDS = 0.05
# Below this share of the limit growth is the coming and going of a standby that follows.
COUNTS_FROM = 0.25
# Work is stopped below the limit only from where a stop would not end, and where it grew in so many looks in a row.
STOPS_FROM = WELL
STEADY_LOOKS = 2


def foretold(
    readings: Sequence[Reading], *, written: float | None, seconds: float, memory: dict[str, float]
) -> list[Reading]:
    """Those in bytes with what they will be. `written`: all bytes of WAL ever, at `seconds` of a steady clock; None
    where there is nobody who would be behind.

    `memory` is from the last look, and left as the next one needs it.
    """
    before = dict(memory)
    memory.clear()
    if written is None:
        return list(readings)
    memory.update(seconds=seconds, written=written)
    passed = seconds - before.get("seconds", seconds)
    per_second = (written - before.get("written", written)) / passed if passed > 0 else 0.0
    told = []
    for reading in readings:
        if reading.unit != "bytes" or reading.value is None:
            told.append(reading)
            continue
        growth = _growth(reading, before, memory, passed)
        # Workers that hear nothing stop by themselves.
        ahead = min(LOOKS_AHEAD * passed, FRESH_MS / 1000) + ARRIVES_SECONDS
        at_worst = reading.value + max(per_second, 0.0) * ahead
        one = replace(reading, at_worst=at_worst) if passed > 0 else reading
        if growth > 0 and reading.share >= COUNTS_FROM:
            steady = memory[_grew(reading)] >= STEADY_LOOKS and reading.share >= STOPS_FROM
            one = replace(one, growth=growth, foretold=reading.value + growth * ahead, steady=steady)
        told.append(one)
    return told


def _growth(reading: Reading, before: dict[str, float], memory: dict[str, float], passed: float) -> float:
    """Bytes per second, 0 where it does not grow; also counts the looks in a row in which it did."""
    value = reading.value or 0.0
    key = f"value of {reading.about}"
    memory[key] = value
    grown = value - before.get(key, value)
    memory[_grew(reading)] = before.get(_grew(reading), 0.0) + 1 if grown > 0 else 0.0
    return max(grown, 0.0) / passed if passed > 0 else 0.0


def _grew(reading: Reading) -> str:
    return f"looks in which {reading.about} grew"

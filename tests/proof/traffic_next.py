"""The transactions of the next release, which counts versions, names places and activates for itself."""

from __future__ import annotations

from tests.proof import traffic_old
from tests.proof.desk import Mix

MIX = Mix(traffic_old.MIX.kinds, first=traffic_old.MIX.first)

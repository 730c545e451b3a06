"""Without the settings of the machine that the tests run on; and what chance chooses is the same each time.

Examples by chance are looked for with `make test ARGS="--hypothesis-profile chance tests/unit"`.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# However busy the machine is. A change is refused for what it did, and not for an example that nobody has seen before.
settings.register_profile("chance", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same", settings.get_profile("chance"), derandomize=True)
settings.load_profile("same")


@pytest.fixture
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of this machine reaches the tests: neither from the environment nor from a .env file."""
    for name in [name for name in os.environ if name.upper().startswith(("BACKFILL_", "DATABASE_URL", "REDIS_URL"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

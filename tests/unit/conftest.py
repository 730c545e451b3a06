"""Without the settings of the machine that the tests run on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of this machine reaches the tests: neither from the environment nor from a .env file."""
    for name in [name for name in os.environ if name.upper().startswith(("BACKFILL_", "DATABASE_URL", "REDIS_URL"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

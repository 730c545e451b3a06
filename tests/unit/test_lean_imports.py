"""What a worker leaves out of two libraries is there for whoever asks for it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

LOADED = "[name for name in ('sqlalchemy.orm', 'rich') if name in sys.modules]"


def after(*lines: str) -> Any:
    """What a fresh process that has run these lines says of what is loaded."""
    program = "\n".join(("import json, sys", *lines, f"print(json.dumps({LOADED}))"))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_neither_is_loaded_by_what_uses_the_libraries_for_less() -> None:
    lines = ("from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine", "import structlog")

    assert after("import backfill.lean_imports", *lines) == []
    assert after(*lines) == ["sqlalchemy.orm", "rich"]


@pytest.mark.parametrize(
    "wanted",
    [
        "from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker",
        "import sqlalchemy.ext.asyncio.session",
        "import sqlalchemy.ext.asyncio as whole; whole.AsyncSession",
        "from sqlalchemy.ext.asyncio import *; AsyncSession",
        "from sqlalchemy.ext.asyncio import AsyncEngine, session; session.AsyncSession",
    ],
)
def test_sessions_come_with_the_first_that_asks_for_them(wanted: str) -> None:
    same = "from sqlalchemy.ext.asyncio import AsyncEngine, engine; assert AsyncEngine is engine.AsyncEngine"

    assert after("import backfill.lean_imports", wanted, same) == ["sqlalchemy.orm"]


def test_a_name_that_is_nowhere_is_refused_as_ever() -> None:
    refused = (
        "try: from sqlalchemy.ext.asyncio import Nothing\nexcept ImportError as error: assert 'Nothing' in str(error)"
    )

    assert after("import backfill.lean_imports", refused) == ["sqlalchemy.orm"]


def test_what_an_application_has_loaded_already_stays() -> None:
    first = "import rich, structlog; from sqlalchemy.ext.asyncio import AsyncSession"
    still = (
        "from sqlalchemy.ext.asyncio import AsyncSession as A; assert (A, structlog.dev.rich) == (AsyncSession, rich)"
    )

    assert after(first, "import backfill.lean_imports", still) == ["sqlalchemy.orm", "rich"]

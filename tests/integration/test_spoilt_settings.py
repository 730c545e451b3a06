"""A canary in a setting that is wrong: what is said of it does not repeat what may be a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from backfill.http.tokens import load_book
from backfill.runs.errors import OperatorError
from backfill.settings import Settings, describe_settings, load_settings
from backfill.urls import ServerUrls
from backfill.wiring import open_service
from tests.conftest import Spawn
from tests.support.canaries import Canaries
from tests.support.cli import BACKFILL, VALIDATE, WORKER

SECRETS = {
    *("DATABASE_URL", "DATABASES", "REDIS_URL"),
    *("BACKFILL_TOKENS", "BACKFILL_WEBHOOK_URL", "BACKFILL_WEBHOOK_SECRET"),
}
# Any text is good for them until it is used.
ANY_SECRET = {"BACKFILL_TOKENS", "BACKFILL_WEBHOOK_SECRET"}
# Nothing is wrong as a path or as a host until it is used.
# Never wrong as a value: what cannot be imported is told when it is looked for.
ANY_TEXT = {"BACKFILL_DEFINITIONS", "BACKFILL_EXPECTED_STANDBYS", "BACKFILL_TITLE"}
FREE_TEXT = {"BACKFILL_EMBEDDED_DIR", "BACKFILL_TOKENS_FILE", "BACKFILL_HTTP_HOST"}


def wrong_value(canaries: Canaries, name: str) -> str:
    """A secret is never repeated. What else was typed wrongly is, but for a password or a token that it holds."""
    canary = canaries.new(f"a wrong {name}")
    return canary if name in SECRETS else f"redis://:{canary}@cache:6379/0?password={canary}&ssl_password={canary}"


@pytest.mark.parametrize(
    "program",
    [(*BACKFILL, "doctor"), WORKER, ("alembic", "current"), VALIDATE],
    ids=["doctor", "worker", "alembic", "validate"],
)
async def test_no_wrong_value_is_shown_that_may_be_secret(
    program: tuple[str, ...], environment: dict[str, str], canaries: Canaries, spawn_program: Spawn
) -> None:
    names = [setting.name for setting in describe_settings() if setting.name not in FREE_TEXT | ANY_TEXT]
    process = spawn_program(*program, env=environment | {name: wrong_value(canaries, name) for name in names})

    assert canaries.watch(" ".join(program), process).wait() == 2
    assert f"{len(set(names) - ANY_SECRET)} settings" in process.log


@pytest.mark.parametrize(
    ("program", "exit_code"),
    [((*BACKFILL, "doctor"), 0), ((*BACKFILL, "serve", "--port", "0"), 2), ((*BACKFILL, "serve"), 2)],
    ids=["doctor", "serve", "serve on that host"],
)
def test_a_url_where_a_path_or_a_host_belongs_keeps_its_password(
    program: tuple[str, ...], exit_code: int, environment: dict[str, str], canaries: Canaries, spawn_program: Spawn
) -> None:
    host_alone = program == (*BACKFILL, "serve")
    names = {"BACKFILL_HTTP_HOST"} if host_alone else FREE_TEXT
    process = spawn_program(*program, env=environment | {name: wrong_value(canaries, name) for name in sorted(names)})

    assert canaries.watch(" ".join(program), process).wait() == exit_code, process.log
    assert "***" in process.log


SPOILT_URLS = [
    "{canary}",
    "mysql://app:{canary}@db/x",
    "{scheme}://app:{canary}@db:port/x",
    "{scheme}://app:{canary}/with/slash@db/x",
    "{scheme}://[app:{canary}@db/x",
    "{scheme}://app:{canary}@127.0.0.1:1/x?password={canary}",
    "{scheme}://127.0.0.1:1/x?sslmode={canary}",
    "{scheme}://127.0.0.1:1/x?ssl={canary}",
    "{scheme}://127.0.0.1:1/x?port={canary}",
    "{scheme}://127.0.0.1:1/x?target_session_attrs={canary}",
    "{scheme}://127.0.0.1:1/x?sslpassword={canary}",
    "{scheme}://127.0.0.1:1/x?db={canary}",
    "{scheme}://127.0.0.1:1/x?socket_timeout={canary}",
    "{scheme}://127.0.0.1:1/x?ssl_password={canary}",
    "{scheme}://127.0.0.1:1/x?unheard_of={canary}",
]


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL"])
@pytest.mark.parametrize("spoilt", SPOILT_URLS)
async def test_a_spoilt_url_is_refused_without_its_password(
    name: str, spoilt: str, servers: ServerUrls, canaries: Canaries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")  # the checkout may have a .env
    scheme = "redis" if name == "REDIS_URL" else "postgresql"
    monkeypatch.setenv("BACKFILL_DEFINITIONS", "worker.generations")
    urls = {"DATABASE_URL": servers.database_url, "REDIS_URL": servers.redis_url}
    for variable, url in {**urls, name: spoilt.format(scheme=scheme, canary=canaries.new(name))}.items():
        monkeypatch.setenv(variable, url)

    with pytest.raises(OperatorError) as caught:
        await use_both_servers()

    canaries.hear("the error", f"{caught.value} {caught.value!r} {caught.value.__dict__}")


async def use_both_servers() -> None:
    async with open_service(load_settings(), application_name="test") as service:
        await service.control.recent(1)
        for name in service.control.backfills:
            await service.control.check_catalog(name)


@pytest.mark.parametrize(
    "spoilt", ["{canary}", "name:operate:{canary}", "name:{canary}:" + "0" * 64, "{canary}:read:0"]
)
@pytest.mark.parametrize("in_file", [False, True], ids=["setting", "file"])
def test_a_spoilt_token_is_refused_without_its_text(
    spoilt: str, in_file: bool, canaries: Canaries, tmp_path: Path
) -> None:
    entry = spoilt.format(canary=canaries.new("BACKFILL_TOKENS"))
    (tmp_path / "tokens").write_text(entry, encoding="utf-8")
    settings = Settings(tokens_file=tmp_path / "tokens") if in_file else Settings.model_validate({"tokens": entry})

    with pytest.raises(OperatorError) as caught:
        load_book(settings)

    canaries.hear("the error", f"{caught.value} {caught.value!r}")


def test_settings_do_not_show_theirs(canaries: Canaries) -> None:
    urls = {"database_url": "postgresql://app:{}@db/x?password={}", "redis_url": "redis://:{}@cache/0?password={}"}
    given = {name: url.format(canaries.new(name), canaries.new(name)) for name, url in urls.items()}
    settings = Settings.model_validate({**given, "tokens": f"a:read:{canaries.new('tokens')}"})

    canaries.hear("the settings", f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}")

"""Looks at everything a run needs and says, line by line, what is there and what is not; changes nothing.

A check that fails carries the operator's error that any other command would end with, so the exit code of `backfill
doctor` is the one that they will have.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import chain

from pydantic import SecretStr

from backfill.alembic.completing import Completion
from backfill.cli.checks import Asked, Check, Level, Questions, ask_in_order
from backfill.cli.workforce import look_at_workers
from backfill.definitions import discover
from backfill.engine.preflight import NONE_KNOWN
from backfill.http.readiness import redis_facts, server_version, version_of
from backfill.masking import mask_passwords
from backfill.runs.errors import DatabaseUnreachable, SchemaNotReady, UnknownBackfill, UsageError
from backfill.runs.findings import READ_ONLY_RULE, Finding
from backfill.runs.record import Run
from backfill.runs.wording import ended
from backfill.settings import Settings, describe_settings, where_set
from backfill.sql.database import reachable
from backfill.urls import describe, read_redis_url
from backfill.wiring import Service


async def examine(service: Service) -> tuple[Check, ...]:
    """Every check, in the order in which they depend on each other; both servers are asked at once."""
    on_postgres: Questions = {"postgres": _postgres, "schema": _schema, "privileges": _privileges}
    on_redis: Questions = {"redis": _redis, "redis data": _redis_data, "worker": look_at_workers, "run": _run}
    settings = Check(name="settings", level=Level.OK, words=", ".join(_settings(service.settings)))
    answers = await asyncio.gather(ask_in_order(on_postgres, service), ask_in_order(on_redis, service))
    others = await asyncio.gather(*(ask_in_order(_of_another(name), service) for name in service.others))
    return settings, _backfills(service), *chain.from_iterable([*answers, *others])


def _settings(settings: Settings) -> Iterator[str]:
    """Each setting that is not left at its default, with where it comes from; secrets by where they lead only."""
    for setting in describe_settings():
        field = setting.name.removeprefix("BACKFILL_").lower()
        if field not in settings.model_fields_set:
            continue
        value = getattr(settings, field)
        words = ",".join(value) if isinstance(value, tuple | dict) else str(value)
        shown = "set" if isinstance(value, SecretStr) else mask_passwords(words)
        yield f"{setting.name}={shown} ({where_set(setting.name)})"
    if settings.database_url is None:
        yield f"embedded servers in {settings.embedded_dir} (DATABASE_URL and REDIS_URL are not set)"


def _backfills(service: Service) -> Check:
    names, broken = ", ".join(service.control.backfills), service.control.broken
    unread = " ".join(f"Not read: {place} ({error})." for place, error in broken.items())
    if not names:
        words = f"{unread} {NONE_KNOWN}".lstrip()
        return Check(name="backfills", level=Level.ERROR, words=words, error=UnknownBackfill(words))
    level = Level.WARNING if broken else Level.OK
    return Check(name="backfills", level=level, words=f"{names}; {unread}" if unread else names)


async def _postgres(service: Service) -> Asked:
    version = await server_version(service)
    return Level.OK, f"{describe(service.urls.database_url)}, version {version}"


def _of_another(database: str) -> Questions:
    """A database that definitions name: whether it answers, and whether their runs could start."""

    async def postgres(service: Service) -> Asked:
        url = service.settings.database_urls[database]
        return Level.OK, f"{describe(url)}, version {await version_of(url, service.others[database])}"

    async def ready(service: Service) -> Asked:
        control = service.control
        names = [name for name, of in control.known.databases.items() if of == database]
        warnings = [warning for name in names for warning in await control.check_schema(name)]
        if not names:
            return Level.WARNING, "no definition names this database"
        words = f"ready for {', '.join(names)}"
        return (Level.WARNING, f"{words}; {' '.join(map(_warned, warnings))}") if warnings else (Level.OK, words)

    return {f"postgres {database}": postgres, f"schema {database}": ready}


def _of_the_first(service: Service) -> list[str]:
    """Backfills on DATABASE_URL."""
    return [name for name in service.control.backfills if name not in service.control.known.databases]


async def _schema(service: Service) -> Asked:
    control, names = service.control, _of_the_first(service)
    warnings = [warning for name in names for warning in await control.check_catalog(name)]
    words = f"ready for {', '.join(names)}" if names else "no backfill is on this database"
    if not warnings:
        other = await _steps_of_another_edition(service)
        if not other:
            return Level.OK, words
        return Level.WARNING, f"{words}, but made by another edition of the migration. Run: backfill schema --apply"
    listed = "; ".join(f"{ended(', '.join(warning.examples))} {warning.remedy}" for warning in warnings)
    return Level.WARNING, f"{words}; {listed}"


async def _steps_of_another_edition(service: Service) -> tuple[str, ...]:
    """What differs without keeping a run from working, such as the body of a function; none without the migration."""
    definitions = discover(service.settings.definitions).definitions.values()
    revisions = dict.fromkeys(
        one.needs.revision.id for one in definitions if one.needs.revision is not None and not one.database
    )
    steps: list[str] = []
    for revision in revisions:
        try:
            async with reachable(service.urls.database_url), service.engine.connect() as connection:
                steps += (await connection.run_sync(Completion(revision).missing)).steps
        except UsageError:
            continue
    return tuple(steps)


async def _privileges(service: Service) -> Asked:
    control = service.control
    warnings = [warning for name in _of_the_first(service) for warning in await control.check_privileges(name)]
    words = await _own_rights(service)
    if not warnings:
        return Level.OK, words
    return Level.WARNING, f"{words}; {' '.join(_warned(warning) for warning in warnings)}"


def _warned(warning: Finding) -> str:
    remedy = warning.remedy if warning.rule == READ_ONLY_RULE else f"Grant it: {warning.remedy}"
    return f"{ended('; '.join(warning.examples))} {remedy}"


async def _own_rights(service: Service) -> str:
    """A role that cannot write is right for everything but a worker, so that is no failure."""
    try:
        for name in _of_the_first(service):
            await service.control.check_privileges(name, writes=True)
    except (SchemaNotReady, DatabaseUnreachable):  # that it answers has been seen before
        return "this role reads what it has to and writes nothing, which is right for all but a worker"
    return "this role reads and writes what a worker has to"


async def _redis(service: Service) -> Asked:
    facts = await redis_facts(service)
    server = str(facts.get("server_name", "redis")).capitalize()
    version = facts.get(f"{server.lower()}_version") or facts.get("redis_version")
    return Level.OK, f"{server} at {read_redis_url(service.urls.redis_url)}, version {version}"


async def _redis_data(service: Service) -> Asked:
    """Losing Redis loses no data, but an eviction or a restart without persistence loses a run's progress."""
    facts = await redis_facts(service)
    policy, appends = str(facts.get("maxmemory_policy", "unknown")), facts.get("aof_enabled") == 1
    words = f"maxmemory-policy {policy}, append-only file {'on' if appends else 'off'}"
    if policy != "noeviction" and facts.get("maxmemory") != 0:
        return Level.WARNING, f"{words}: a full Redis may throw a run's progress away; set noeviction"
    if not appends:
        return Level.WARNING, f"{words}: a restart may lose a run's progress; set appendonly yes"
    return Level.OK, words


async def _run(service: Service) -> Asked:
    active = [run for run in await service.control.recent(10) if not run.done]
    if not active:
        return Level.OK, "none is active"
    level = Level.WARNING if any(run.error for run in active) else Level.OK
    return level, "; ".join(f"{run.id} of {run.backfill} is {run.state}" + _held_up_by(run) for run in active)


def _held_up_by(run: Run) -> str:
    reason = run.error or run.throttled_by
    return f" ({reason})" if reason else ""

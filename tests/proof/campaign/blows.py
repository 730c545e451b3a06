"""How each kind of fault is done to a round. Each says whether there was something to do it to."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from backfill.sql.files import read_sql
from tests.proof.campaign.lookout import GO_ON_SECONDS
from tests.proof.campaign.plan import Fault, Kind
from tests.proof.campaign.scene import Scene
from tests.support.own_servers import administrator
from tests.support.waiting import wait_until

LOST_ANSWERS = 3
PAUSED_SECONDS = 1.0
MOST_WORKERS, FEWEST_WORKERS = 4, 1
_SQL = Path(__file__).with_name("sql")


async def kill_worker(scene: Scene, fault: Fault) -> bool:
    worker = scene.workforce.choose(random.Random(fault.choice))
    if worker is None:
        return False
    async with scene.recovery(fault.kind, from_after=True):
        killed = await scene.workforce.kill(worker)
    return killed > 0


async def kill_all_workers(scene: Scene, fault: Fault) -> bool:
    async with scene.recovery(fault.kind, from_after=True):
        killed = await scene.workforce.kill(*scene.workforce.awake)
    return killed > 0


async def deploy_worker(scene: Scene, fault: Fault) -> bool:
    worker = scene.workforce.choose(random.Random(fault.choice))
    if worker is None:
        return False
    await scene.workforce.add()
    async with scene.recovery(fault.kind):
        await scene.workforce.dismiss(worker)
    return True


async def freeze_worker(scene: Scene, fault: Fault) -> bool:
    """Past its lease, and sometimes past the time for which PostgreSQL lets its transaction be idle."""
    worker = scene.workforce.choose(random.Random(fault.choice))
    if worker is None:
        return False

    async def thaw_later() -> None:
        await scene.let_pass(fault.lasts_seconds)
        scene.workforce.thaw(worker)

    async with scene.recovery(fault.kind, from_after=True):
        scene.workforce.freeze(worker)
        scene.go_on_beside(thaw_later())
        if not scene.workforce.awake:  # somebody has to go on
            await scene.workforce.add()
    return True


async def add_worker(scene: Scene, fault: Fault) -> bool:
    if len(scene.workforce.awake) >= MOST_WORKERS:
        return False
    await scene.workforce.add()
    return True


async def remove_worker(scene: Scene, fault: Fault) -> bool:
    worker = scene.workforce.choose(random.Random(fault.choice))
    if worker is None or len(scene.workforce.awake) <= FEWEST_WORKERS:
        return False
    async with scene.recovery(fault.kind):
        await scene.workforce.dismiss(worker)
    return True


async def crash_postgres(scene: Scene, fault: Fault) -> bool:
    async with scene.recovery(fault.kind, of_server=True):
        with scene.traffic.outage():
            await scene.servers.stop_postgres_immediately()
    return True


async def kill_redis(scene: Scene, fault: Fault) -> bool:
    async with scene.recovery(fault.kind, of_server=True):
        await scene.servers.kill_valkey()
    return True


async def empty_redis(scene: Scene, fault: Fault) -> bool:
    """The operator, who looks after the run anyway, begins another one."""
    async with scene.recovery(fault.kind):
        with scene.servers.valkey() as valkey:
            valkey.flushall()
    return True


async def cut_workers(scene: Scene, fault: Fault) -> bool:
    async with administrator(scene.servers.urls.database_url) as session, scene.recovery(fault.kind):
        cut = await session.fetchval(read_sql(_SQL / "cut_workers.sql"), _name(scene))
    return bool(cut)


async def cut_everybody(scene: Scene, fault: Fault) -> bool:
    async with administrator(scene.servers.urls.database_url) as session, scene.recovery(fault.kind):
        with scene.traffic.outage():
            cut = await session.fetchval(read_sql(_SQL / "cut_everybody.sql"), _name(scene))
    return bool(cut)


async def lose_commits(scene: Scene, fault: Fault) -> bool:
    """The recovery is the one from the last of them."""
    scene.proxy.cuts_left = LOST_ANSWERS
    await wait_until(lambda: scene.proxy.cuts_left == 0 or scene.ended.is_set(), GO_ON_SECONDS)
    lost, scene.proxy.cuts_left = LOST_ANSWERS - scene.proxy.cuts_left, 0
    async with scene.recovery(fault.kind):
        pass
    return lost > 0


async def pause_and_resume(scene: Scene, fault: Fault) -> bool:
    if not await scene.operator.pause():
        return False
    await scene.let_pass(PAUSED_SECONDS)
    async with scene.recovery(fault.kind):
        await scene.operator.resume()
    return True


async def cancel_and_begin_another(scene: Scene, fault: Fault) -> bool:
    async with scene.recovery(fault.kind):
        return await scene.operator.cancel_and_begin_another()


async def change_pace(scene: Scene, fault: Fault) -> bool:
    await scene.operator.set_pace(fault.pace)
    return True


async def lock_projects(scene: Scene, fault: Fault) -> bool:
    return await _hold(scene, fault, "lock_projects", isolation="READ COMMITTED")


async def lock_generations(scene: Scene, fault: Fault) -> bool:
    return await _hold(scene, fault, "lock_generations", isolation="READ COMMITTED")


async def hold_snapshot(scene: Scene, fault: Fault) -> bool:
    return await _hold(scene, fault, "take_snapshot", isolation="REPEATABLE READ")


async def _hold(scene: Scene, fault: Fault, statement: str, *, isolation: str) -> bool:
    """A session that does that and then nothing, in its transaction, for a while; what comes meanwhile may end it."""
    session = await asyncpg.connect(scene.database_url)
    try:
        await session.execute(f"BEGIN ISOLATION LEVEL {isolation}")
        held = await session.fetch(read_sql(_SQL / f"{statement}.sql"))
    except BaseException:
        session.terminate()
        raise

    async def end_later() -> None:
        try:
            await scene.let_pass(fault.lasts_seconds)
        finally:
            session.terminate()

    scene.go_on_beside(end_later())
    return bool(held)


def _name(scene: Scene) -> str:
    return urlsplit(scene.database_url).path.removeprefix("/")


BLOWS: Mapping[Kind, Callable[[Scene, Fault], Awaitable[bool]]] = {
    Kind.WORKER_KILLED: kill_worker,
    Kind.WORKERS_KILLED: kill_all_workers,
    Kind.WORKER_DEPLOYED: deploy_worker,
    Kind.WORKER_FROZEN: freeze_worker,
    Kind.WORKER_ADDED: add_worker,
    Kind.WORKER_REMOVED: remove_worker,
    Kind.POSTGRES_CRASHED: crash_postgres,
    Kind.REDIS_KILLED: kill_redis,
    Kind.REDIS_EMPTIED: empty_redis,
    Kind.WORKERS_CUT: cut_workers,
    Kind.EVERYBODY_CUT: cut_everybody,
    Kind.COMMITS_LOST: lose_commits,
    Kind.RUN_PAUSED: pause_and_resume,
    Kind.RUN_CANCELLED: cancel_and_begin_another,
    Kind.PACE_CHANGED: change_pace,
    Kind.PROJECTS_LOCKED: lock_projects,
    Kind.GENERATIONS_LOCKED: lock_generations,
    Kind.SNAPSHOT_HELD: hold_snapshot,
}

"""What somebody else put into the queue: it runs nothing, and stops nobody.

Whoever can write to Redis can put anything there; a queue that unpickles would run it.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import redis
from arq.constants import health_check_key_suffix, job_key_prefix, result_key_prefix
from arq.jobs import DeserializationError, Job

from backfill.queue import RECONCILE, REFUSED, SLICE, dump_job, load_job, open_arq, queue_name
from tests.conftest import Spawn
from tests.support.forked import backfill
from tests.support.old_rows import OldRows
from tests.support.runs import WORKER, enqueue, until_ready, wait_for_end
from tests.support.waiting import wait_until

QUEUE = queue_name("backfill")
A_JOB: dict[str, Any] = {"t": None, "f": SLICE, "a": ["0123456789ab"], "k": {}, "et": 1}
WRONG_PARTS: dict[str, dict[str, Any]] = {
    "unknown function": {"f": "os.system", "a": ["true"]},
    "another function of ours": {"f": "cron:ring_what_is_due", "a": ["1"]},
    "function of another type": {"f": ["work_on_run"]},
    "no argument": {"a": []},
    "too many arguments": {"a": ["1", "2"]},
    "argument of another type": {"a": [{"$ne": ""}]},
    "huge argument": {"a": ["x" * 1_000_000]},
    "unknown keyword": {"k": {"ctx": {}}},
    "keyword twice": {"k": {"run_id": "1"}},
    "time beyond all years": {"et": 10**30},
    "time of another type": {"et": "now"},
    "try of another type": {"t": "first"},
    "try beyond all counting": {"t": 10**30},
    "true for a number": {"t": True, "et": True},
}
NO_JOBS = {
    "truncated": dump_job(A_JOB)[:-7],
    "blank": b" ",
    "binary": bytes(range(256)),
    "not UTF-8": b'{"f": "\xff"}',
    "number": b"7",
    "null": b"null",
    "list": b"[]",
    "empty object": b"{}",
    "nested deep": b"[" * 100_000,
    "huge": b'{"f": "' + b"x" * 4_000_000 + b'"}',
    "huge number": b'{"et": 1' + b"0" * 10_000 + b"}",
    **{name: dump_job({**A_JOB, **wrong}) for name, wrong in WRONG_PARTS.items()},
}


class Touch:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        return Path.touch, (self._path,)


@pytest.fixture
def touched(tmp_path: Path) -> Path:
    """The file that is there when a pickle has been read."""
    return tmp_path / "touched"


@pytest.fixture
def planted(touched: Path) -> Iterator[bytes]:
    """A job and a result in one; read, they would run something, and the test fails."""
    pickled = pickle.dumps({**A_JOB, "a": [Touch(touched)], "s": True, "r": Touch(touched)})
    pickle.loads(pickled)  # noqa: S301 - it does what it is said to
    touched.unlink()
    yield pickled
    assert not touched.exists()


@pytest.fixture
async def projects(rows: OldRows) -> OldRows:
    for number in range(5):
        await rows.add_project(f"p{number}", minute=number)
        await rows.add_many(f"p{number}", 3)
    return rows


def put(client: redis.Redis, job_id: bytes, job: bytes, *, score: float | None = None) -> None:
    """As arq keeps a job."""
    client.set(job_key_prefix.encode() + job_id, job)
    client.zadd(QUEUE, {job_id: time.time() * 1000 if score is None else score})


def is_succeeded(environment: Mapping[str, str]) -> bool:
    run_id = enqueue(environment)["id"]
    return bool(wait_for_end(environment, run_id, timeout=30)["state"] == "succeeded")


async def test_nothing_that_is_put_into_the_queue_runs_or_stops_the_worker(
    projects: OldRows, environment: dict[str, str], spawn: Spawn, planted: bytes
) -> None:
    worker = spawn(*WORKER, env=environment)
    await until_ready(worker)
    with redis.Redis.from_url(environment["REDIS_URL"]) as client:
        for name, payload in {**NO_JOBS, "pickle": planted}.items():
            put(client, name.encode(), payload)
        put(client, b"expired", b"")
        put(client, b"\xff\xfe", dump_job(A_JOB))
        put(client, b"no run of ours", dump_job(A_JOB))
        put(client, b"for ever", dump_job(A_JOB), score=float("-inf"))

        def left() -> set[bytes]:
            return {job_id for job_id in client.zrange(QUEUE, 0, -1) if not job_id.startswith(b"cron:")}

        await wait_until(lambda: worker.exit_code is not None or left() == {b"for ever"})
        assert worker.exit_code is None, worker.log[-3000:]

        assert is_succeeded(environment)
    refused = [line for line in worker.log.splitlines() if "refused: no job of this queue" in line]
    assert len(refused) == len(NO_JOBS) + 1
    assert worker.exit_code is None
    assert "Traceback" not in worker.log
    assert max(len(line) for line in worker.log.splitlines()) < 1000


async def test_a_pickle_where_results_and_signs_of_life_are_kept_is_not_read(
    projects: OldRows, environment: dict[str, str], spawn: Spawn, planted: bytes
) -> None:
    worker = spawn(*WORKER, env=environment)
    await until_ready(worker)
    with redis.Redis.from_url(environment["REDIS_URL"]) as client:
        client.set(f"{result_key_prefix}planted", planted)
        client.set(f"{QUEUE}{health_check_key_suffix}", planted)

    examined = backfill("doctor", env=environment)

    assert examined.returncode == 0, examined.stdout
    assert is_succeeded(environment)
    assert "Traceback" not in worker.log


async def test_whoever_enqueues_unpickles_nothing_either(redis_url: str, planted: bytes) -> None:
    arq = open_arq(redis_url, prefix="backfill", timeout_seconds=5)
    with redis.Redis.from_url(redis_url) as client:
        put(client, b"planted", planted)
        client.set(f"{result_key_prefix}planted", planted)

    queued = await arq.queued_jobs()
    with pytest.raises(DeserializationError):
        await Job("planted", arq, QUEUE, _deserializer=load_job).result_info()
    with pytest.raises(DeserializationError):
        await arq.all_job_results()
    await arq.aclose(close_connection_pool=True)

    assert [job.function for job in queued] == [REFUSED["f"]]


@pytest.mark.parametrize("name", NO_JOBS)
def test_what_is_no_job_is_refused_whatever_it_is(name: str) -> None:
    assert load_job(NO_JOBS[name]) == REFUSED


@pytest.mark.parametrize("job", [A_JOB, {**A_JOB, "f": RECONCILE, "a": []}], ids=["slice", "reconcile"])
def test_a_job_of_ours_is_taken(job: dict[str, Any]) -> None:
    assert load_job(dump_job(job)) == job

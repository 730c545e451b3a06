"""`arq backfill.worker.WorkerSettings`: the arq edge, and nothing else.

An application that has a module of its own for its worker imports the class there, and names that module to arq.

The settings class is built when arq asks for it and not on import: it reads the environment, starts the
embedded servers where no URL is set, and refuses with a sentence instead of a traceback.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Coroutine, Iterable
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from types import TracebackType
from typing import Any, TypeVar

import backfill.lean_imports  # isort: skip  # noqa: F401 - before whatever imports the libraries that it names
import structlog
from arq import cron, func
from redis.exceptions import RedisError

from backfill.engine.guard import told_by_class
from backfill.engine.hooking import Hooking
from backfill.engine.notifying import Notifying
from backfill.engine.serving import Serving
from backfill.engine.slices import Slices, reconcile
from backfill.logging import setup_logging
from backfill.lookout import looking
from backfill.masking import mask_passwords
from backfill.opening import servers
from backfill.queue import RECONCILE, SLICE, dump_job, load_job, queue_name
from backfill.queue_reader import open_reader
from backfill.release import own_version
from backfill.runs.errors import OperatorError, RedisUnreachable
from backfill.runs.workers import unspoken_record
from backfill.settings import Settings, load_settings
from backfill.store.client import redis_unreachable, require_writes
from backfill.store.outbox import HOOKS, WEBHOOK, RedisOutbox
from backfill.store.presence import Presence
from backfill.urls import ServerUrls
from backfill.wiring import WORKER_APPLICATION, Service, build_service, call_seconds, receiver_of

MOST_SLICES = 64
JOB_TIMEOUT_MARGIN_SECONDS = 60
NEVER = 1_000_000_000
INSIST_EVERY_SECONDS = 0.2
# That a hook may still take when the worker is told to stop; then it is another worker's to call again.
HOOK_IN_FLIGHT_SECONDS = 5.0

Answer = TypeVar("Answer")

log = structlog.get_logger(__name__)


async def work_on_run(ctx: dict[str, Any], run_id: str) -> None:
    """One slice. When the worker is told to stop, or the job is cancelled, the batch in flight is finished first."""
    slices: Slices = ctx["slices"]
    stopping: asyncio.Event = ctx["stopping"]
    cancelled = asyncio.Event()
    work = asyncio.ensure_future(slices.work(run_id, lambda: stopping.is_set() or cancelled.is_set()))
    try:
        await asyncio.shield(work)
    except asyncio.CancelledError:
        cancelled.set()
        await asyncio.wait([work])
        if (error := work.exception()) is not None:  # never asked for, the loop would log it with its text
            log.warning("slice ended early", run=run_id, reason=_reason(error))
        raise
    except Exception as error:  # noqa: BLE001 - arq would log it with its text, which might quote a row
        log.warning("slice ended early", run=run_id, reason=_reason(error))


async def ring_what_is_due(ctx: dict[str, Any]) -> None:
    slices: Slices = ctx["slices"]
    try:
        await reconcile(slices.store, slices.doorbell, slices.serving)
        if slices.failovers is not None:
            await slices.failovers.look_at_all(slices.store, slices.serving)
    except Exception as error:  # noqa: BLE001 - as above
        log.warning("reconciling postponed", reason=_reason(error))


def _reason(error: BaseException) -> str:
    """The text of what is made to be read by an operator; of anything else the class and the place."""
    if isinstance(error, OperatorError):
        return str(error)
    return told_by_class("the worker's own code", error)


def _stop_on_signals(ctx: dict[str, Any], main: asyncio.Task[Any] | None) -> None:
    """Instead of arq's own handlers, which cancel every job: slices end by themselves and hand over."""
    loop = asyncio.get_running_loop()

    def stop(signal_number: signal.Signals) -> None:
        log.info("worker stops", signal=signal_number.name)
        ctx["stopping"].set()
        for patience in ctx["patience"]:
            patience.leave()
        ctx["ending"] = loop.create_task(_end(main))

    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stop, signal_number)


async def _end(main: asyncio.Task[Any] | None) -> None:
    """arq's main task, cancelled as often as it takes: before Python 3.12 `wait_for`, which the Redis client uses, can
    swallow a cancellation."""
    while main is not None and not main.done():
        main.cancel()
        await asyncio.sleep(INSIST_EVERY_SECONDS)


async def _what_is_served(settings: Settings, urls: ServerUrls) -> Serving:
    """Raises SchemaNotReady, DefinitionFailed or WrongState where there are backfills and none of them is ready."""
    async with AsyncExitStack() as stack:
        service = await build_service(settings, urls, stack, application_name=WORKER_APPLICATION)
        not_ready = await service.control.not_for_this_worker()
        if service.control.broken and not service.control.backfills:
            service.control.backfill("")  # raises: an idle worker would hide what has to be mended
        await require_writes(service.redis, settings.redis_prefix)
    if not_ready and len(not_ready) == len(service.control.backfills):
        first, *others = not_ready.values()
        raise type(first)(" ".join(map(str, (first, *others)))) if others else first
    for place, reason in service.control.broken.items():
        log.warning("definitions not read", place=place, reason=reason)
    reasons = {name: str(error) for name, error in not_ready.items()}
    versions = service.control.known.versions()
    return Serving(service.control.backfills, {**service.control.broken, **reasons}, versions=versions)


def _attributes(settings: Settings, urls: ServerUrls, serving: Serving) -> dict[str, Any]:
    """What arq reads, but for the hooks."""
    prefix = settings.redis_prefix
    return {
        "functions": [func(work_on_run, name=SLICE, max_tries=NEVER)],
        "cron_jobs": [cron(ring_what_is_due, name=RECONCILE, second=set(range(60)), max_tries=NEVER)],
        "redis_pool": open_reader(
            urls.redis_url,
            prefix=prefix,
            timeout_seconds=settings.redis_timeout_seconds,
            may_take=serving.may_take,
        ),
        "queue_name": queue_name(prefix),
        "job_serializer": dump_job,
        "job_deserializer": load_job,
        "job_timeout": settings.slice_seconds + call_seconds(settings) + JOB_TIMEOUT_MARGIN_SECONDS,
        "max_jobs": MOST_SLICES,
        "max_tries": NEVER,
        "keep_result": 0,
        "poll_delay": 0.05,
        "health_check_interval": 10,
        "log_results": False,
    }


async def _say_what_is_served(service: Service, serving: Serving, stack: AsyncExitStack) -> None:
    """For as long as this worker is alive; what is not ready is taken up when it is."""
    record = replace(
        unspoken_record(service.slices.worker_id),
        version=own_version(),
        started_ms=time.time_ns() // 1_000_000,
        backfills=serving.served,
        not_served=serving.not_served,
        versions=serving.versions,
    )
    presence = await stack.enter_async_context(Presence(service.redis, record, prefix=service.settings.redis_prefix))
    serving.changed = lambda: presence.serves(serving.served, serving.not_served)
    control = service.control
    leave = control.check_here if control.known.have_surroundings else None
    looking = asyncio.create_task(serving.take_up_when_ready(control.check_worker, leave))
    stack.callback(looking.cancel)


async def _call_hooks(service: Service, serving: Serving, stopping: asyncio.Event, stack: AsyncExitStack) -> None:
    """For as long as this worker is alive."""
    outbox = _outbox(service, HOOKS)
    hooks = {name: contract.hooks for name, contract in service.control.known.contracts.items()}
    hooking = Hooking(outbox=outbox, store=service.control.store, serving=serving, hooks=hooks, stopping=stopping)
    _read_on(hooking.run(), outbox, hooks, stack)


async def _tell_receiver(service: Service, serving: Serving, stopping: asyncio.Event, stack: AsyncExitStack) -> None:
    """The same, where one is set."""
    receiver = receiver_of(service.settings)
    if receiver is None:
        return
    outbox, names = _outbox(service, WEBHOOK), tuple(service.control.known.contracts)
    notifying = Notifying(
        outbox=outbox,
        store=service.control.store,
        serving=serving,
        backfills=names,
        send=receiver.send,
        stopping=stopping,
    )
    _read_on(notifying.run(), outbox, names, stack)


def _outbox(service: Service, group: str) -> RedisOutbox:
    prefix, reader = service.settings.redis_prefix, service.slices.worker_id
    return RedisOutbox(service.redis, prefix=prefix, reader=reader, group=group)


def _read_on(
    reading: Coroutine[Any, Any, None], outbox: RedisOutbox, names: Iterable[str], stack: AsyncExitStack
) -> None:
    calling = asyncio.create_task(reading)

    async def end() -> None:
        await asyncio.wait([calling], timeout=HOOK_IN_FLIGHT_SECONDS)
        calling.cancel()
        await asyncio.gather(calling, return_exceptions=True)
        with suppress(RedisUnreachable):
            for name in names:
                await outbox.leave(name)

    stack.push_async_callback(end)


def _build() -> type:
    settings = load_settings()
    stack = AsyncExitStack()
    urls = stack.enter_context(servers(settings))
    serving = _run_apart(_what_is_served(settings, urls))

    async def on_startup(ctx: dict[str, Any]) -> None:
        ctx["stopping"], ctx["patience"] = asyncio.Event(), [ctx["redis"].patience]
        _stop_on_signals(ctx, asyncio.current_task())
        setup_logging(settings.log_level, settings.log_format)  # again: arq's command has set up its own since
        service = await build_service(settings, urls, stack, application_name=WORKER_APPLICATION)
        ctx["slices"] = replace(service.slices, serving=serving)
        ctx["patience"].append(service.patience)
        await _say_what_is_served(service, serving, stack)
        await _call_hooks(service, serving, ctx["stopping"], stack)
        await _tell_receiver(service, serving, ctx["stopping"], stack)
        await stack.enter_async_context(looking(service, serving))
        log.info("worker ready", backfills=list(serving.served))

    async def on_shutdown(_: dict[str, Any]) -> None:
        await stack.aclose()

    hooks = {"on_startup": on_startup, "on_shutdown": on_shutdown}
    return type("WorkerSettings", (), _attributes(settings, urls, serving) | hooks)


def _run_apart(coroutine: Coroutine[Any, Any, Answer]) -> Answer:
    """Runs to the end on a loop of its own in a thread of its own: arq wants to make this thread's loop itself."""
    answers: list[Answer] = []
    failures: list[BaseException] = []

    def target() -> None:
        try:
            answers.append(asyncio.run(coroutine))
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            failures.append(error)

    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return answers[0]


def _end_with_a_sentence(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:  # pragma: no cover - runs while the interpreter ends
    """What ends arq's own loop is nearly always Redis: that is an operator's to know, and no bug to be traced."""
    if not isinstance(error, RedisError | OSError):
        sys.__excepthook__(kind, error, trace)
        return
    sys.stderr.write(f"error: {redis_unreachable(error)} The worker stops; start it again.\n")
    sys.stderr.flush()
    os._exit(RedisUnreachable.exit_code)


def __getattr__(name: str) -> Any:
    if name != "WorkerSettings":
        raise AttributeError(name)
    sys.excepthook = _end_with_a_sentence
    try:
        return _build()
    except AttributeError as error:
        # arq would take it for "there is no WorkerSettings here".
        raise RuntimeError("the worker could not be built") from error
    except OperatorError as error:
        sys.stderr.write(f"error: {mask_passwords(str(error))}\n")
        raise SystemExit(error.exit_code) from None

"""What an operator can do with a run that is there: look at it, act on it, change its pace. It needs no database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from backfill.engine.protocols import Doorbell, Event, Store
from backfill.runs.approval import same_person
from backfill.runs.errors import ActiveRunExists, OwnApproval, UnknownPageToken, UnknownRun, WrongState
from backfill.runs.notes import checked_note
from backfill.runs.parameters import as_options
from backfill.runs.record import Run
from backfill.runs.report import report_document
from backfill.runs.schedule import ScheduleChanges
from backfill.runs.states import Action, State, is_done_already
from backfill.runs.telling import sentence_of
from backfill.runs.times import timestamp
from backfill.runs.workers import LiveWorker

# More than the store keeps of one run.
MOST_EVENTS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is None of the pace, and of when it works, stays as it is."""

    pace: Mapping[str, int | str | None] = field(default_factory=dict)
    times: ScheduleChanges = field(default_factory=ScheduleChanges)

    @property
    def has_pace(self) -> bool:
        return any(value is not None for value in self.pace.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Steering:
    store: Store
    doorbell: Doorbell

    async def get(self, run_id: str | None) -> Run:
        """A run by its id, or the latest one. Raises UnknownRun."""
        if run_id is None:
            newest = await self.store.recent_ids(1)
            if not newest:
                raise UnknownRun("There is no run yet.", "Start one: backfill enqueue.")
            run_id = newest[0]
        run = await self.store.get(run_id)
        if run is None:
            raise UnknownRun(f"There is no run {run_id!r}.", "List the runs: backfill status --all.")
        return run

    async def active(self, name: str) -> str | None:
        """The run of that backfill that is not done, if there is one; no other can be started beside it."""
        return (await self.store.active_ids([name])).get(name)

    async def recent(self, limit: int) -> tuple[Run, ...]:
        """The newest runs, newest first."""
        runs, _ = await self.page(limit)
        return runs

    async def page(
        self, size: int, *, after: str | None = None, wanted: Callable[[Run], bool] = lambda _run: True
    ) -> tuple[tuple[Run, ...], bool]:
        """Wanted runs that are older than the run `after`, newest first, and whether there are more.

        Raises UnknownPageToken when there is no run `after`.
        """
        found: list[Run] = []
        while len(found) <= size:
            ids = await self.store.recent_ids(size + 1, after=after)
            if ids is None:
                raise UnknownPageToken("The run that this page token stands for is gone.", "Begin without one.")
            if not ids:
                break
            runs = [await self.store.get(run_id) for run_id in ids]
            found += [run for run in runs if run is not None and wanted(run)]
            after = ids[-1]
        return tuple(found[:size]), len(found) > size

    async def act(self, run_id: str | None, action: Action, *, who: str, note: str | None = None) -> Run:
        """Takes one of the operator's actions; of one that was taken already only the note is new.

        Raises UnknownRun, ActiveRunExists (a retry beside another active run), OwnApproval, WrongState with what is
        possible, UsageError (a note that cannot be kept).
        """
        words = checked_note(note)
        run = await self.get(run_id)
        if action is Action.APPROVE and run.state is State.PROPOSED and same_person(run.requested_by, who):
            raise OwnApproval(
                f"Run {run.id} was asked for by {run.requested_by}, so {who} cannot approve it.",
                "Somebody else has to, by a name or a token of their own.",
                actions=run.actions,
            )
        answer = await self.store.act(run.id, action, who=who, note=words)
        if answer.blocked_by:
            raise ActiveRunExists(
                f"Run {answer.blocked_by} of {run.backfill} is active, so {run.id} cannot be taken up again.",
                "Wait for it or cancel it first.",
                run_id=answer.blocked_by,
            )
        if not answer.taken and not is_done_already(action, answer.state):
            raise _refused(replace(run, state=answer.state), f"{action} is not possible.")
        if words and not answer.taken:
            await self.store.note(run.id, action.value, who=who, note=words)
        if action in (Action.APPROVE, Action.RESUME, Action.RETRY):
            await self.doorbell.ring(run.address, run.id, run.pace.parallel)
        return await self.get(run.id)

    async def set_pace(
        self, run_id: str | None, changes: Mapping[str, int | str | None], *, who: str, note: str | None = None
    ) -> Run:
        """Changes those parts of the pace that are not None, while the run goes on.

        Raises UnknownRun, UsageError (out of bounds, or a note that cannot be kept), WrongState when the run is done.
        """
        words = checked_note(note)
        run = await self.get(run_id)
        if words and not run.done and all(value is None for value in changes.values()):
            await self.store.note(run.id, "set", who=who, note=words)
        elif not await self.store.set_pace(run.id, run.pace.with_changes(changes), who=who, note=words):
            raise _refused(run, "its pace does not matter any more.")
        return await self.get(run.id)

    async def set_schedule(
        self, run_id: str | None, changes: ScheduleChanges, *, who: str, note: str | None = None
    ) -> Run:
        """When it works from now on. Raises UnknownRun, UsageError, WrongState when the run is done."""
        words = checked_note(note)
        run = await self.get(run_id)
        schedule = changes.applied(run.schedule, run.seen_ms)
        if not await self.store.set_schedule(run.id, schedule, who=who, note=words):
            raise _refused(run, "when it works does not matter any more.")
        return await self.get(run.id)

    async def change(self, run_id: str | None, changes: Changes, *, who: str, note: str | None = None) -> Run:
        """`set_pace` and `set_schedule` in one; where one part is refused, nothing is changed."""
        run = await self.get(run_id)
        run.pace.with_changes(changes.pace)
        changes.times.applied(run.schedule, run.seen_ms)
        if changes.has_pace or not changes.times:
            run = await self.set_pace(run.id, changes.pace, who=who, note=note)
        if changes.times:
            note = None if changes.has_pace else note
            run = await self.set_schedule(run.id, changes.times, who=who, note=note)
        return run

    async def workers(self) -> tuple[LiveWorker, ...]:
        """Those that are alive, of any version, with what they serve and hold."""
        return await self.store.workers()

    async def look(self, run_id: str, *, after: str) -> tuple[Run, tuple[Event, ...]]:
        """The run, and its events after that id; none that the run's state shows already is missing."""
        run = await self.get(run_id)
        return run, await self.store.events(run_id, after=after)

    async def report(self, run_id: str | None) -> dict[str, Any]:
        """The report's JSON. Raises UnknownRun."""
        run = await self.get(run_id)
        passage, events = await self.store.passage(run.id), await self.store.events(run.id, limit=MOST_EVENTS)
        return report_document(run, passage, [event_document(event) for event in events])

    async def events(self, run_id: str | None, *, after: str = "0") -> tuple[Event, ...]:
        return await self.store.events((await self.get(run_id)).id, after=after)


def event_document(event: Event) -> dict[str, Any]:
    """An event's JSON: the same in the API, of the command and in a report."""
    return {
        "id": event.id,
        "at": timestamp(event.at_ms),
        "kind": event.kind,
        "sentence": sentence_of(event.kind, event.about),
        "about": dict(event.about),
    }


def _refused(run: Run, why: str) -> WrongState:
    """With what is possible instead; of a run that is done, beside it."""
    ways: list[str] = [*run.actions]
    if run.done:
        ways.append(f"a new run (backfill enqueue {run.backfill}{as_options(run.parameters)})")
    possible = f"Possible now: {', '.join(ways) or 'nothing, until it is at rest'}."
    return WrongState(f"Run {run.id} is {run.state}: {why}", possible, actions=run.actions)

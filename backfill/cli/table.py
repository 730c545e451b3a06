"""Every command: the panel of `--help` that it stands in, what it says of itself, and an example."""

from __future__ import annotations

from collections.abc import Mapping

from backfill.cli.lazy import Spec
from backfill.shipped import shipped_commands

_PLACES = "backfill.cli.commands."


def _run(place: str, says: str, example: str) -> Spec:
    return Spec(panel="Runs", place=_PLACES + place, says=says, example=example)


def _check(place: str, says: str, example: str) -> Spec:
    return Spec(panel="Checks", place=_PLACES + place, says=says, example=example)


_LIBRARYS = {
    "enqueue": _run(
        "starting:enqueue",
        "Start a run, at the pace that the settings say or that is given; workers take it up at once.",
        "backfill enqueue --parallel 4 --pause-ms 20",
    ),
    "finish": _run(
        "finishing:finish",
        "Run what is left in the foreground, with a worker of its own, until it is verified.",
        "backfill finish && alembic upgrade head",
    ),
    "status": _run("looking:status", "Show a run as it is now, or list the newest runs.", "backfill status --all"),
    "watch": _run(
        "looking:watch",
        "Show a run until it ends or is paused: a live bar on a terminal, else a line per change.",
        "backfill watch --json | jq .progress.fraction",
    ),
    "wait": _run(
        "looking:wait",
        "Wait until a run has ended or is paused, without a word unless something needs attention.",
        "backfill wait --for 50% --for paused --timeout 600",
    ),
    "approve": _run(
        "acting:approve",
        "Let a run begin that somebody else has proposed; who asked for it cannot.",
        "backfill approve --note CHG-1044",
    ),
    "pause": _run(
        "acting:pause",
        "Let a run rest after the batches in flight; it keeps its place.",
        "backfill pause --note CHG-1044 && backfill wait --for paused",
    ),
    "resume": _run(
        "acting:resume",
        "Let a paused run go on from where it was, without the units that are quarantined.",
        "backfill resume && backfill watch",
    ),
    "cancel": _run(
        "acting:cancel",
        "End a run after the batches in flight; what is settled stays settled.",
        "backfill cancel && backfill status",
    ),
    "retry": _run(
        "acting:retry",
        "Take up the quarantined units of a failed or paused run again, then verify all of it.",
        "backfill retry && backfill wait",
    ),
    "set": _run(
        "pacing:set_pace",
        "Change the pace of a run, and when it works; what is not given stays, and workers follow within a batch.",
        "backfill set --parallel 1 --rows-per-second 2000",
    ),
    "throttle": _run(
        "throttling:throttle",
        "Show what the autopilot sees, what each signal may be, and what stops it; change limits, switch signals off.",
        "backfill throttle --set standby_bytes=64MiB",
    ),
    "events": _run(
        "looking:events",
        "List what happened to a run, oldest first: changes of state and who asked, units set aside for good.",
        "backfill events --json | jq .events[-1]",
    ),
    "quarantined": _run(
        "quarantine:quarantined",
        "List the quarantined units of a run, all of them, by the error that each fails with; and what to do next.",
        "backfill quarantined --json | jq .groups[].count",
    ),
    "report": _run(
        "reporting:report",
        "Show what a run did, range by range, who asked for what, and the proof that its ranges left nothing out.",
        "backfill report --json > report.json",
    ),
    "list": _run(
        "listing:list_backfills",
        "List the backfills: what each does, and how its last run is or ended.",
        "backfill list",
    ),
    "workers": _run(
        "listing:workers",
        "List the workers that are alive: where, since when, what they serve and do not serve, what each works on.",
        "backfill workers --json | jq .workers[].holds",
    ),
    "preview": _check(
        "previewing:preview",
        "Say what a run at this pace would do, with evidence: plans, a sample that is rolled back, how long it takes.",
        "backfill preview --parallel 4 --json | jq .forecast.seconds",
    ),
    "dry-run": _check(
        "dry_running:dry_run_command",
        "Go through the units at this pace and roll every batch back: what would be written, what refused and why.",
        "backfill dry-run --all --json | jq .refused",
    ),
    "verify": _check(
        "checking:verify",
        "Check the data and the schema against every rule, as the end of a run does; writes nothing.",
        "backfill verify || backfill verify --json | jq .rules",
    ),
    "doctor": _check(
        "checking:doctor",
        "Look at the settings, Postgres, the schema, Redis and the workers; the exit code is the first failure's.",
        "backfill doctor",
    ),
    "schema": _check(
        "completing:schema",
        "Say what of the schema is missing, and the SQL that adds it; with --apply, add it.",
        "backfill schema && backfill schema --apply",
    ),
    "contract": _check(
        "contracting:contract",
        "Show what may be tightened and dropped once the next release runs everywhere; with --write, as a revision.",
        "backfill contract && backfill contract --write",
    ),
    "new": Spec(
        panel="Authors",
        place=_PLACES + "creating:new",
        says="Write the definition, the revision and a test of a new backfill; nothing is overwritten.",
        example="backfill new email-normalized --table shop.models:Customer --column email_normalized",
    ),
    "serve": Spec(
        panel="Service",
        place=_PLACES + "serving:serve",
        says="Serve the HTTP API on this machine, until Ctrl-C or SIGTERM.",
        example="backfill serve --port 8080",
    ),
    "token": Spec(
        panel="Service",
        place=_PLACES + "tokens:token",
        says="Make an access token: the secret is shown once, the service is given its hash.",
        example="backfill token grafana >> grafana.secret",
    ),
}


def commands() -> Mapping[str, Spec]:
    """The library's, and those that the application ships with where this is run."""
    return _LIBRARYS | {
        name: Spec(
            panel="Of this application",
            place=spec["run"],
            says=spec.get("says", ""),
            example=spec.get("example", f"backfill {name}"),
        )
        for name, spec in shipped_commands().items()
    }

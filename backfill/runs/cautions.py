"""What of a preview an operator should look at before a run: the rules, each with what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backfill.runs.findings import Finding
from backfill.runs.forecast import Sample
from backfill.runs.preview import Caution, Server, Slot, Snapshot, StatementPlan, Survey
from backfill.runs.wording import counted

OLD_SECONDS = 60
OLD_TRANSACTIONS = 1_000_000
# Share of a table that may have changed since its statistics were made.
STALE_SHARE = 0.2
STALE_ROWS = 10_000
BEHIND_BYTES = 256 * 1024 * 1024


def cautions(
    survey: Survey, findings: Sequence[Finding], statements: Sequence[StatementPlan], sample: Sample | None
) -> tuple[Caution, ...]:
    return (
        *_of_findings(findings),
        *_of_tables(survey),
        *_of_statements(statements),
        *_of_sample(sample),
        *_of_server(survey.server),
    )


def _of_findings(findings: Sequence[Finding]) -> Iterator[Caution]:
    for finding in findings:
        yield Caution(slug=finding.rule, about="; ".join(finding.examples), remedy=finding.remedy)


def _of_tables(survey: Survey) -> Iterator[Caution]:
    for table in survey.tables:
        if table.believed_rows is None and table.changed_rows > 0:
            yield Caution(
                slug="stale_statistics",
                about=f"{table.table} has never been analyzed",
                remedy=f"Run: ANALYZE public.{table.table}.",
            )
        elif table.changed_rows > max(STALE_ROWS, STALE_SHARE * (table.believed_rows or 0)):
            yield Caution(
                slug="stale_statistics",
                about=f"{counted(table.changed_rows, 'row')} of {table.table} changed since it was analyzed",
                remedy=f"Run: ANALYZE public.{table.table}.",
            )
    for name in survey.invalid_indexes:
        yield Caution(
            slug="invalid_index",
            about=f"index {name} is invalid: it is written to and never read",
            remedy=f"Run: REINDEX INDEX CONCURRENTLY {name}; or drop it.",
        )
    for name in survey.hindering_indexes:
        yield Caution(
            slug="hindering_index",
            about=f"index {name} is on a column that a run writes: every row gets a new entry in every index",
            remedy="Make it after the run, if that can wait.",
        )


def _of_statements(statements: Sequence[StatementPlan]) -> Iterator[Caution]:
    for plan in statements:
        for table in plan.scans:
            yield Caution(
                slug="sequential_scan",
                about=f"{plan.statement} ({plan.part_of}) would read all of {table}",
                remedy="Look at the table's indexes and at the planner's settings (enable_indexscan and the like).",
            )


def _of_sample(sample: Sample | None) -> Iterator[Caution]:
    if sample is None:
        return
    if sample.refused:
        batches = counted(len(sample.refused), "batch")
        yield Caution(
            slug="refused",
            about=f"the server refused {batches} of the sample, the first: {sample.refused[0]}",
            remedy="A run will quarantine these units; mend the rows first.",
        )
    if sample.too_slow:
        yield Caution(
            slug="too_slow",
            about=f"{counted(sample.too_slow, 'batch')} of the sample hit the statement timeout",
            remedy="A run halves such batches; look at the load, or raise BACKFILL_STATEMENT_TIMEOUT_MS.",
        )
    if sample.contended:
        yield Caution(
            slug="contended",
            about=f"other sessions had {counted(sample.contended, 'unit')} of the sample locked",
            remedy="A run tries them again; look for sessions that are idle in transaction.",
        )


def _of_server(server: Server) -> Iterator[Caution]:
    yield from _of_slots(server.slots)
    if server.archiving_fails:
        yield Caution(
            slug="archiving_fails",
            about="the last attempt to archive WAL failed: WAL is kept until one succeeds",
            remedy="Mend archive_command first; pg_stat_archiver has the file.",
        )
    for replica in server.replicas or ():
        if replica.lag_bytes is not None and replica.lag_bytes > BEHIND_BYTES:
            yield Caution(
                slug="replica_behind",
                about=f"replica {replica.name} is {counted(replica.lag_bytes, 'byte')} behind",
                remedy="A run makes it worse: wait, or run at a gentler pace.",
            )
    yield from _of_snapshots(server.snapshots)
    if not server.sees_all:
        yield Caution(
            slug="not_visible",
            about=f"the role {server.role} cannot see replicas and other roles' transactions",
            remedy=f"To have them looked at: GRANT pg_read_all_stats TO {server.role}.",
        )


def _of_slots(slots: Sequence[Slot]) -> Iterator[Caution]:
    for slot in slots:
        if slot.wal_status == "lost":
            yield Caution(
                slug="lost_slot",
                about=f"replication slot {slot.name} has lost WAL that it needed",
                remedy="Its consumer cannot go on: make it anew, and drop this one.",
            )
        elif not slot.active and slot.kept_bytes is not None:
            yield Caution(
                slug="inactive_slot",
                about=f"replication slot {slot.name} is inactive and keeps {counted(slot.kept_bytes, 'byte')} of WAL",
                remedy="A run adds to it until the disk is full: start its consumer, or drop the slot.",
            )


def _of_snapshots(snapshots: Sequence[Snapshot]) -> Iterator[Caution]:
    for held in snapshots:
        if (held.seconds or 0) > OLD_SECONDS or held.transactions > OLD_TRANSACTIONS:
            since = f"{held.seconds:,.0f} s" if held.seconds is not None else counted(held.transactions, "transaction")
            yield Caution(
                slug="old_snapshot",
                about=f"{held.what} keeps dead rows from being cleaned up, for {since} now",
                remedy="End it first, or the tables grow by every row that is written.",
            )

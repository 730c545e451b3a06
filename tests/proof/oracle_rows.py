"""The database against the journal: which rows are there, and what every column holds that the application writes."""

from __future__ import annotations

from collections.abc import Mapping

from tests.proof.findings import Findings
from tests.proof.journal import ANYTHING, Change, Journal, Row, Transaction, Values, Write

Tables = Mapping[str, Mapping[str, Values]]

# The backfill's own columns have rules of their own.
_COMPUTED = {
    "projects": {"latest_version", "active_generation_id"},
    "generations": {"version", "is_active"},
}
# What a column of the next release holds in a row for which only today's release wrote.
_UNWRITTEN: Values = {
    "version_name": None,
    "file_count": 0,
    "total_size_bytes": None,
    "diff_from_previous": None,
    "changes_summary": None,
}


def check_rows(journal: Journal, tables: Tables, findings: Findings) -> None:
    for table, rows in tables.items():
        for row_id, expected in journal.rows(table):
            _check_row(table, row_id, expected, rows.get(row_id), findings)
        for row_id in rows:
            if journal.row(table, row_id) is None:
                findings.add("rows", f"{table} {row_id} is there, and nobody has written it")
    for transaction in journal.doubtful:
        _check_in_whole(journal, transaction, tables, findings)


def _check_row(table: str, row_id: str, expected: Row, found: Values | None, findings: Findings) -> None:
    if found is None:
        if not expected.may_be_missing:
            findings.add("rows", f"{table} {row_id} was acknowledged, and is gone")
        return
    if not expected.may_be_there:
        findings.add("rows", f"{table} {row_id} is there, though its deletion was acknowledged or its insert never was")
        return
    for column, value in found.items():
        if column in _COMPUTED.get(table, ()):
            _check_number_told(row_id, expected, column, value, findings)
        else:
            _check_value(f"{table} {row_id}", expected, (column, value), findings)


def _check_value(which: str, expected: Row, found: tuple[str, object], findings: Findings) -> None:
    column, value = found
    allowed = expected.allowed(column)
    if column == "storage_path":
        flat = f"./storage/projects/{which.removeprefix('generations ')}"
        if value is not None and value not in (_or_unwritten(expected, column, allowed, flat)):
            findings.add("paths", f"{which} has {value!r}, not {allowed or [flat]}")
        return
    if column in _UNWRITTEN:
        allowed = _or_unwritten(expected, column, allowed, _UNWRITTEN[column])
    if value not in allowed and ANYTHING not in allowed:
        findings.add("values", f"{which}.{column} is {value!r}, and was written as {' or '.join(map(repr, allowed))}")


def _or_unwritten(expected: Row, column: str, allowed: list[object], unwritten: object) -> list[object]:
    """Nobody wrote it, or nobody knows whether anybody did."""
    return allowed if column in expected.values else [*allowed, unwritten]


def _check_number_told(row_id: str, expected: Row, column: str, value: object, findings: Findings) -> None:
    """The next release is told the number of what it inserts."""
    if column != "version" or not (allowed := expected.allowed(column)):
        return
    if value not in allowed and ANYTHING not in allowed:
        findings.add("renumbered", f"generation {row_id} has number {value}, and its writer was told {allowed}")


def _check_in_whole(journal: Journal, transaction: Transaction, tables: Tables, findings: Findings) -> None:
    verdicts = {
        f"{write.table} {write.id}": verdict
        for write in transaction.writes
        if (verdict := _happened(journal, write, tables)) is not None
    }
    if len(set(verdicts.values())) > 1:
        happened = [which for which, verdict in verdicts.items() if verdict]
        missing = [which for which, verdict in verdicts.items() if not verdict]
        findings.add("atomic", f"of one {transaction.kind} {happened} happened and {missing} did not")


def _happened(journal: Journal, write: Write, tables: Tables) -> bool | None:
    """Whether a doubtful write is in the database; None where others have written over it."""
    row, found = journal.row(write.table, write.id), tables[write.table].get(write.id)
    if row is None or len(row.doubts) != 1:
        return None
    if write.change is Change.DELETE:
        return found is None
    if found is None or row.was_deleted:
        return None if row.was_deleted else False
    if write.change is Change.INSERT:
        return True
    for column, value in write.values.items():
        since, before = row.values.get(column, (None, ANYTHING))
        overwritten = since is not None and write.stamp is not None and since > write.stamp
        if not overwritten and ANYTHING not in (before, value) and before != value:
            return bool(found[column] == value)
    return None

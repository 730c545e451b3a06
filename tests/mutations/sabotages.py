"""One-line sabotages of the rules that keep the data right, and for each of them the test that has to notice."""

from __future__ import annotations

from tests.mutations.engine import SABOTAGES_OF_THE_ENGINE
from tests.mutations.sabotage import Sabotage

_TRIGGERS = "alembic/versions/39e7f45c72f1"
_SQL = "worker/generations/sql"
_INTERLEAVINGS = "tests/interleavings"
_INTEGRATION = "tests/integration"

SABOTAGES = (
    Sabotage(
        name="live inserts are not numbered",
        file=f"{_TRIGGERS}/function_generations_number_before_insert.sql",
        old="IF NOT FOUND THEN",
        new="IF true THEN",
        caught_by="tests/migrations/test_triggers_on_insert.py"
        "::test_the_next_generation_of_a_settled_project_gets_the_next_number",
    ),
    Sabotage(
        name="the trigger on inserts does not lock the project",
        file=f"{_TRIGGERS}/function_generations_number_before_insert.sql",
        old="       FOR NO KEY UPDATE;",
        new="    ;",
        caught_by=f"{_INTERLEAVINGS}/test_insert_and_settling.py::test_in_every_order_all_rows_are_numbered",
    ),
    Sabotage(
        name="an empty project is passed whoever has locked it",
        file=f"{_SQL}/read_page.sql",
        old="(n.rows = 0 AND p.untouched)",
        new="n.rows = 0",
        caught_by=f"{_INTERLEAVINGS}/test_emptied_project.py::test_in_every_order_what_comes_is_numbered[by_name]",
    ),
    Sabotage(
        name="an empty project among settled ones is passed whoever has locked it",
        file=f"{_SQL}/pass_settled.sql",
        old="(n.rows = 0 AND p.untouched)",
        new="n.rows = 0",
        caught_by=f"{_INTERLEAVINGS}/test_emptied_project.py::test_in_every_order_what_comes_is_numbered[as_a_whole]",
    ),
    Sabotage(
        name="the trigger on inserts believes an older snapshot",
        file=f"{_TRIGGERS}/function_generations_number_before_insert.sql",
        old=" LIMIT 1 FOR KEY SHARE SKIP LOCKED",
        new="",
        caught_by=f"{_INTERLEAVINGS}/test_emptied_project.py"
        "::test_an_insert_out_of_an_older_snapshot_has_to_be_tried_again",
    ),
    Sabotage(
        name="the completion trigger waits for a row with the project in hand",
        file=f"{_TRIGGERS}/function_generations_activate_completed.sql",
        old="FOR NO KEY UPDATE NOWAIT;",
        new="FOR NO KEY UPDATE;",
        caught_by=f"{_INTERLEAVINGS}/test_completion_and_edits.py::test_in_every_order_there_is_no_deadlock[edit-project]",
    ),
    Sabotage(
        name="numbers of one statement are noted, and not written at its end",
        file=f"{_TRIGGERS}/function_generations_raise_after_insert.sql",
        old="p.latest_version < g.latest::integer",
        new="false",
        caught_by="tests/migrations/test_triggers_on_many_inserts.py"
        "::test_after_a_rollback_to_a_savepoint_the_next_go_on_from_what_is_left",
    ),
    Sabotage(
        name="a move does not look into the notes of an insert in the same statement",
        file=f"{_TRIGGERS}/function_generations_renumber_before_move.sql",
        old="latest := greatest(latest, (given ->> NEW.project_id::text)::integer);",
        new="",
        caught_by="tests/migrations/test_triggers_on_many_inserts.py"
        "::test_no_number_is_given_twice_where_one_statement_inserts_moves_and_raises",
    ),
    Sabotage(
        name="latest_version may fall",
        file=f"{_TRIGGERS}/function_projects_latest_version_before_update.sql",
        old="NEW.latest_version := OLD.latest_version;",
        new="NULL;",
        caught_by=f"{_INTERLEAVINGS}/test_two_inserts_of_the_next_release.py"
        "::test_in_every_order_they_get_two_numbers[generation-first]",
    ),
    Sabotage(
        name="a number that its writer has reserved by raising latest_version is not kept",
        file=f"{_TRIGGERS}/function_generations_number_before_insert.sql",
        old="IF NEW.version::bigint <@ unused THEN",
        new="IF false THEN",
        caught_by="tests/migrations/test_triggers_on_the_next_release.py"
        "::test_a_unit_of_work_writes_the_project_first_and_its_number_is_kept",
    ),
    Sabotage(
        name="what the trigger on inserts raises is taken for reserved by the writer",
        file=f"{_TRIGGERS}/trigger_projects_reserve_before_update.sql",
        old="AND pg_trigger_depth() = 0",
        new="",
        caught_by="tests/migrations/test_triggers_on_reserved_numbers.py"
        "::test_what_the_trigger_raised_for_another_generation_is_not_reserved",
    ),
    Sabotage(
        name="settling computes from a snapshot taken before the lock (REPEATABLE READ)",
        file="backfill/sql/database/engine.py",
        old='isolation_level="READ COMMITTED"',
        new='isolation_level="REPEATABLE READ"',
        caught_by=f"{_INTERLEAVINGS}/test_insert_and_settling.py::test_in_every_order_all_rows_are_numbered",
    ),
    Sabotage(
        name="the statement that locks the project also computes",
        file=f"{_SQL}/settle.sql",
        old="ON p.id = l.project_id\n),",
        new="ON p.id = l.project_id FOR NO KEY UPDATE OF p\n),",
        caught_by=f"{_INTERLEAVINGS}/test_insert_and_settling.py::test_in_every_order_all_rows_are_numbered",
        also=(f"{_SQL}/lock_projects.sql", "FOR NO KEY UPDATE SKIP LOCKED", ""),
    ),
    Sabotage(
        name="settling does not lock the project",
        file=f"{_SQL}/lock_projects.sql",
        old="FOR NO KEY UPDATE SKIP LOCKED",
        new="",
        caught_by=f"{_INTERLEAVINGS}/test_insert_and_settling.py::test_in_every_order_all_rows_are_numbered",
    ),
    Sabotage(
        name="settling waits for projects that are locked",
        file=f"{_SQL}/lock_projects.sql",
        old="FOR NO KEY UPDATE SKIP LOCKED",
        new="FOR NO KEY UPDATE",
        caught_by=f"{_INTERLEAVINGS}/test_edits_and_settling.py::test_an_edit_of_two_projects_never_deadlocks",
    ),
    Sabotage(
        name="projects are locked FOR UPDATE",
        file=f"{_SQL}/lock_projects.sql",
        old="FOR NO KEY UPDATE SKIP LOCKED",
        new="FOR UPDATE SKIP LOCKED",
        caught_by=f"{_INTERLEAVINGS}/test_references_and_settling.py::test_in_every_order_nobody_waits",
    ),
    Sabotage(
        name="a project is settled although one of its rows is locked",
        file=f"{_SQL}/settle.sql",
        old="HAVING count(*) FILTER (WHERE unassigned OR is_active OR completed) = min(rows_locked)",
        new="",
        caught_by=f"{_INTERLEAVINGS}/test_completion_and_settling.py"
        "::test_in_every_order_the_newest_completed_one_is_active",
    ),
    Sabotage(
        name="numbers follow the id alone",
        file=f"{_SQL}/settle.sql",
        old="PARTITION BY f.project_id, f.unassigned ORDER BY f.created_at, f.id",
        new="PARTITION BY f.project_id, f.unassigned ORDER BY f.id",
        caught_by=f"{_INTEGRATION}/test_settling.py::test_rows_are_numbered_by_created_at",
    ),
    Sabotage(
        name="the project points at its active generation, which has no flag",
        file=f"{_SQL}/settle.sql",
        old="is_active = f.is_active\n",
        new="is_active = g.is_active\n",
        caught_by=f"{_INTEGRATION}/test_settling.py::test_rows_are_numbered_by_created_at",
    ),
    Sabotage(
        name="a second run writes every row again",
        file=f"{_SQL}/settle.sql",
        old="WHERE g.ctid = f.place AND (f.unassigned OR f.is_active <> f.was_active)",
        new="WHERE g.ctid = f.place",
        caught_by=f"{_INTEGRATION}/test_settling.py::test_settling_again_writes_nothing",
    ),
    Sabotage(
        name="a part is done again after its COMMIT was not answered",
        file="worker/generations/large.py",
        old="if leading < len(found) and not (settled and leading):",
        new="if leading < len(found) and not leading:",
        caught_by=f"{_INTEGRATION}/test_settling_in_parts.py"
        "::test_an_old_mark_gives_no_number_twice_when_a_late_row_follows_it",
    ),
    Sabotage(
        name="a large project goes on behind a part that a failover has lost",
        file="worker/generations/large.py",
        old="if not mark.done_id:",
        new="if True:",
        caught_by=f"{_INTEGRATION}/test_settling_in_parts.py"
        "::test_a_mark_of_a_part_that_a_failover_has_lost_is_made_anew[others follow]",
    ),
    Sabotage(
        name="a large project is taken up again at a late row and not behind its last part",
        file=f"{_SQL}/read_frontier.sql",
        old="AND p.latest_version < 1",
        new="AND false",
        caught_by=f"{_INTEGRATION}/test_settling_in_parts.py"
        "::test_a_late_row_does_not_hold_up_a_worker_that_begins_anew",
    ),
    Sabotage(
        name="projects that are locked count as done",
        file="worker/generations/whole.py",
        old="frozenset(project_ids) - frozenset(locked) | frozenset(result.left_out)",
        new="frozenset(result.left_out)",
        caught_by=f"{_INTEGRATION}/test_settling.py::test_a_locked_project_is_contended_and_the_others_are_settled",
    ),
    *SABOTAGES_OF_THE_ENGINE,
    Sabotage(
        name="what a function gave is written whatever the row is by now",
        file="backfill/definitions/calls/writing.py",
        old=" if mark == read_as[name])",
        new=")",
        caught_by="tests/definitions/test_calls_writing.py::test_a_change_of_what_was_read_is_seen_however_small_it_is",
    ),
    Sabotage(
        name="a transaction may stay idle with its locks for ever",
        file="backfill/sql/queries/set_limits.sql",
        old="SET LOCAL idle_in_transaction_session_timeout = :idle_timeout",
        new="SET LOCAL backfill.idle = :idle_timeout",
        caught_by=f"{_INTEGRATION}/test_transactions.py"
        "::test_it_has_its_limits_and_read_committed_and_the_next_one_begins_anew",
    ),
    Sabotage(
        name="verification does not look for numbers that are there twice",
        file=f"{_SQL}/check_units.sql",
        old="('duplicate_versions', r.count),",
        new="('duplicate_versions', 0),",
        caught_by=f"{_INTEGRATION}/test_verification.py::test_every_broken_rule_is_found_where_it_is_broken",
    ),
    Sabotage(
        name="verification takes numbers for different that only do not fall",
        file=f"{_SQL}/check_units.sql",
        old="version <= before",
        new="version < before",
        caught_by=f"{_INTEGRATION}/test_verification.py::test_numbers_that_are_there_twice_are_counted_in_every_order",
    ),
    Sabotage(
        name="verification's glance takes numbers in any order for right",
        file=f"{_SQL}/check_page.sql",
        old="array_agg(version ORDER BY created_at, id)",
        new="array_agg(version ORDER BY version)",
        caught_by=f"{_INTEGRATION}/test_verification.py::test_every_broken_rule_is_found_where_it_is_broken",
    ),
    Sabotage(
        name="verification's glance does not look whether the active one is there",
        file=f"{_SQL}/check_page.sql",
        old="c.flagged = CAST(c.active_generation_id IS NOT NULL AS integer)",
        new="true",
        caught_by=f"{_INTEGRATION}/test_verification.py"
        "::test_what_is_active_is_compared_on_both_sides[pending-with-a-pointer]",
    ),
)

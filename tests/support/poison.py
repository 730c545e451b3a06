"""Old data with rows in it that look dangerous and are not, and rows that the database refuses to write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

FOUR_BYTE_ID = "\N{GRINNING FACE}" * 36
HARMLESS = {
    "../../etc/passwd": ("/", "a/../b//"),
    FOUR_BYTE_ID: ("\N{SNAKE}" * 36, "\N{GRINNING FACE}" * 35 + "x"),
    "  '%s' \"%(a)s\" {0} \\ ;--  ": ("'; DROP TABLE generations; --", " "),
    "beginning of time": ("always", "ever"),
    "end of time": ("some day", "never"),
}
SECRET = "what the customer asked for"


@dataclass(frozen=True, slots=True, kw_only=True)
class Poison:
    """What is done to the project of this id, how the database then refuses it, and how it is mended."""

    project_id: str
    spoil: str
    mend: str
    sqlstate: str
    constraint: str | None = None


def _refused_by_trigger(project_id: str, body: str, sqlstate: str) -> Poison:
    name = f"refuse_{project_id}"
    return Poison(
        project_id=project_id,
        spoil=f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN {body}; RETURN NEW; END $$;"
        f" CREATE TRIGGER {name} BEFORE UPDATE ON generations FOR EACH ROW"
        f" WHEN (OLD.id = '{project_id}-2') EXECUTE FUNCTION {name}()",
        mend=f"DROP FUNCTION {name} CASCADE",
        sqlstate=sqlstate,
    )


POISONS = (
    Poison(
        project_id="checked",
        spoil="UPDATE generations SET error_message = 'forbidden' WHERE id = 'checked-2';"
        " ALTER TABLE generations ADD CONSTRAINT not_forbidden"
        " CHECK (error_message IS DISTINCT FROM 'forbidden') NOT VALID",
        mend="ALTER TABLE generations DROP CONSTRAINT not_forbidden",
        sqlstate="23514",
        constraint="not_forbidden",
    ),
    Poison(
        project_id="project_checked",
        spoil="UPDATE projects SET name = 'forbidden' WHERE id = 'project_checked';"
        " ALTER TABLE projects ADD CONSTRAINT name_allowed CHECK (name <> 'forbidden') NOT VALID",
        mend="ALTER TABLE projects DROP CONSTRAINT name_allowed",
        sqlstate="23514",
        constraint="name_allowed",
    ),
    Poison(
        project_id="unique",
        spoil="CREATE UNIQUE INDEX one_second_version ON generations (version)"
        " WHERE project_id IN ('p0001', 'unique') AND version > 1",
        mend="DROP INDEX one_second_version",
        sqlstate="23505",
        constraint="one_second_version",
    ),
    _refused_by_trigger("raising", "RAISE EXCEPTION 'this row is sacred'", "P0001"),
    _refused_by_trigger("quoting", "PERFORM CAST(OLD.prompt AS integer)", "22P02"),
    _refused_by_trigger("sleeping", "PERFORM pg_sleep(5)", "57014"),
    _refused_by_trigger("giant", "RAISE unique_violation USING CONSTRAINT = 'made_up'", "23505"),
)
GIANT_ROWS = 350


async def add_poisoned_projects(connection: Any, *, projects: int) -> None:
    """`projects` ordinary ones of two generations, the harmless ones and the poisoned ones, spread among them."""
    await connection.execute("SET session_replication_role = replica")
    for number in range(projects):
        await _add_project(connection, f"p{number:04}", number, [f"p{number:04}-{n}" for n in (1, 2)])
    for number, (project_id, generation_ids) in enumerate(HARMLESS.items()):
        await _add_project(connection, project_id, 7 + 90.5 * number, generation_ids)
    for number, poison in enumerate(POISONS):
        rows = GIANT_ROWS if poison.project_id == "giant" else 3
        ids = [f"{poison.project_id}-{n}" for n in range(rows, 0, -1)]
        await _add_project(connection, poison.project_id, 50.5 + 120 * number, ids)
    for at, project_id in (("-infinity", "beginning of time"), ("infinity", "end of time")):
        await connection.execute(
            "UPDATE projects SET created_at = CAST(CAST($1 AS text) AS timestamptz) WHERE id = $2", at, project_id
        )
        await connection.execute(
            "UPDATE generations SET created_at = CAST(CAST($1 AS text) AS timestamptz) WHERE project_id = $2",
            at,
            project_id,
        )
    await connection.execute("UPDATE generations SET prompt = $1 WHERE project_id = 'quoting'", SECRET)
    await connection.execute("SET session_replication_role = DEFAULT")


async def _add_project(connection: Any, project_id: str, minute: float, generation_ids: Any) -> None:
    """Its generations a second apart in the given order."""
    await connection.execute(
        "WITH p AS (INSERT INTO projects (id, user_id, name, tech_stack, status, is_public, created_at)"
        " VALUES ($1, 'user', 'A project', 'fastapi', 'active', false,"
        "         timestamptz '2026-01-01 00:00Z' + make_interval(secs => 60 * $2)) RETURNING id, created_at)"
        " INSERT INTO generations (id, project_id, user_id, prompt, status, is_iteration, created_at)"
        " SELECT g.id, p.id, 'user', 'Build it', 'completed', false, p.created_at + make_interval(secs => g.place)"
        " FROM p, unnest($3::text[]) WITH ORDINALITY AS g (id, place)",
        project_id,
        minute,
        list(generation_ids),
    )

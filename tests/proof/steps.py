"""The rows of the application, and the steps that several of its transactions share."""

from __future__ import annotations

from tests.proof.desk import Desk, new_id
from tests.proof.journal import Values
from tests.proof.session import Work
from worker.demo.old_application.contents import CONTEXT, DOCUMENTATION, REVIEW_FEEDBACK
from worker.demo.old_application.known_rows import Generation

# JSON as the column keeps it and no parser would give it back: spaces, a key twice, an escape.
ODD_JSON = '{"b": 1.50,  "a":\t"\\u00e9 é", "b" : [ ] }'
_LONGEST_HOLD_SECONDS, _SHORTEST_HOLD_SECONDS = 0.3, 0.05


async def insert_generation(
    desk: Desk, work: Work, project_id: str, parent: Generation | None = None, *, user_id: str | None = None
) -> Generation:
    values = new_generation(desk, project_id, parent)
    if user_id is not None:
        values["user_id"] = user_id
    await work.insert("insert_generation", "generations", values)
    return Generation(id=str(values["id"]), project_id=project_id)


def new_generation(desk: Desk, project_id: str, parent: Generation | None) -> dict[str, object]:
    """In the order of insert_generation's parameters."""
    return {
        "id": new_id(),
        "project_id": project_id,
        "user_id": desk.rows.user(desk.random) if desk.rows.has_users else None,
        "prompt": desk.contents.prompt(desk.random),
        "context": desk.random.choice([CONTEXT, ODD_JSON, None]),
        "status": "pending",
        "is_iteration": parent is not None,
        "parent_generation_id": parent.id if parent else None,
    }


def result(desk: Desk) -> dict[str, object]:
    """In the order of complete_generation's parameters."""
    code_generation_time = desk.random.uniform(20, 80)
    return {
        "output_files": desk.contents.output_files(desk.random),
        "review_feedback": REVIEW_FEEDBACK,
        "documentation": DOCUMENTATION,
        "quality_score": desk.random.uniform(0.5, 1),
        "code_generation_time": code_generation_time,
        "review_time": 4.0,
        "docs_generation_time": 2.5,
        "total_time": code_generation_time + 9.0,
        "status": "completed",
    }


async def touch(work: Work, project_id: str) -> None:
    await work.update("touch_project", "projects", project_id, {"status": "active"})


async def linger(desk: Desk) -> None:
    await desk.hold(desk.random.uniform(_SHORTEST_HOLD_SECONDS, _LONGEST_HOLD_SECONDS))


async def leave_artifact(desk: Desk, work: Work, generation: Generation) -> None:
    values = {
        "id": new_id(),
        "generation_id": generation.id,
        "type": "zip",
        "storage_url": f"s3://artifacts/{generation.project_id}/{generation.id}",
        "file_size": desk.random.randrange(2_000, 90_000),
    }
    await work.insert("insert_artifact", "artifacts", values)


def new_user(user_id: str) -> Values:
    return {
        "id": user_id,
        "email": f"{user_id}@example.com",
        "username": user_id,
        "is_active": True,
        "is_superuser": False,
        "is_verified": True,
        "total_generations": 0,
    }


def new_project(project_id: str, user_id: str) -> Values:
    return {
        "id": project_id,
        "user_id": user_id,
        "name": f"Project {project_id[:8]}",
        "description": "Made while everything else went on.",
        "domain": "education",
        "tech_stack": "fastapi_postgres",
        "constraints": '["tested"]',
        "status": "draft",
        "is_public": False,
        "settings": "{ }",
    }

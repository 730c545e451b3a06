"""Prompts and results of real size, made once: what the application writes is not what is measured."""

from __future__ import annotations

import json
from random import Random

_WISHES = (
    "Every order belongs to one customer and keeps a history of its changes.",
    "Add full text search over products, with paging and sorting by date.",
    "Users sign in with email and password and see only their own records.",
    "Exports run in the background and end with an email.",
    "Please use UUID keys, soft deletion, and created and updated times everywhere.",
)
_ENTITIES = ("customer", "order", "invoice", "product", "booking", "ticket", "lesson", "message")
_SOURCE = '''"""Routes of {entity}."""

router = APIRouter(prefix="/{entity}")


@router.get("/{{key}}")
async def read(key: UUID, session: Session = Depends(open_session)) -> {name}:
    found = await session.get({name}, key)
    if found is None:
        raise HTTPException(404, "{entity} not found")
    return found


@router.get("/")
async def browse(page: int = 1, size: int = {size}) -> list[{name}]:
    return await select_page({name}, page=page, size=size)
'''

CONTEXT = json.dumps({"domain": "education", "tech_stack": "fastapi_postgres", "constraints": ["tested"]})
REVIEW_FEEDBACK = json.dumps({"summary": "Main paths are tested.", "issues": []})
DOCUMENTATION = json.dumps({"readme": "# Service\n\nRun `make dev`, then open /docs.\n", "openapi": "3.1.0"})


class Contents:
    """32 of each, chosen at random."""

    def __init__(self, random: Random) -> None:
        self._prompts = [_prompt(random) for _ in range(32)]
        self._schemas = [_schema(random) for _ in range(32)]
        self._outputs = [_output_files(random) for _ in range(32)]

    def prompt(self, random: Random) -> str:
        return random.choice(self._prompts)

    def schema(self, random: Random) -> str:
        return random.choice(self._schemas)

    def output_files(self, random: Random) -> str:
        return random.choice(self._outputs)


def _prompt(random: Random) -> str:
    wishes = [random.choice(_WISHES) for _ in range(random.randint(3, 11))]
    return f"Build a REST API for {random.choice(_ENTITIES)} records. {' '.join(wishes)}"


def _schema(random: Random) -> str:
    entities = random.sample(_ENTITIES, random.randint(2, 5))
    return json.dumps({"entities": [{"name": name, "fields": ["id", "name", "total"]} for name in entities]})


def _output_files(random: Random) -> str:
    entities = random.sample(_ENTITIES, random.randint(4, 8))
    files = {
        f"app/routes/{entity}.py": _SOURCE.format(entity=entity, name=entity.title(), size=random.randint(5, 90))
        for entity in entities
    }
    return json.dumps(files)

"""A folder and an object store do alike what the backfills ask of them; the store is a server, in its own process."""

from __future__ import annotations

import os
import tarfile
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.engine.checking import check_everything
from backfill.runs.errors import Unreachable
from backfill.runs.states import State
from tests.conftest import Spawn
from tests.support.commands import Spawned
from tests.support.defined import LIMITS, to_its_end
from tests.support.filed import FILES, Filed, as_bytes
from tests.support.in_process import InProcessRun
from tests.support.waiting import wait_until
from worker.files import generation_files
from worker.files.layout import Place
from worker.files.manifest import About, Damaged
from worker.files.opening import open_storage
from worker.files.sources import Json
from worker.files.storage.local import LocalFolder
from worker.files.storage.objects import ObjectStore, connect

ABOUT = About(prompt="Build it", created_at="2026-01-01T00:00:00+00:00")
ONE, TWO = (Place(project_id="p", version=number, generation_id=f"g{number}") for number in (1, 2))
BUCKET = "generations"


@pytest.fixture
async def moto(spawn_program: Spawn, monkeypatch: pytest.MonkeyPatch) -> Spawned:
    """An object store with an empty bucket, which the settings lead to."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    server = spawn_program("moto_server", "-H", "127.0.0.1", "-p", "0", env=dict(os.environ))
    await wait_until(lambda: "Running on http://" in server.log, 60)
    endpoint = server.log.split("Running on ")[1].split()[0]
    connect(endpoint).create_bucket(Bucket=BUCKET)
    monkeypatch.setenv("FILE_STORAGE_BUCKET", BUCKET)
    monkeypatch.setenv("FILE_STORAGE_ENDPOINT", endpoint)
    return server


async def test_a_folder_and_an_object_store_do_alike(moto: Spawned, root: Path) -> None:
    objects = open_storage()
    assert isinstance(objects, ObjectStore)

    for storage in (objects, LocalFolder(root, written="storage/projects", is_shared=False)):
        assert storage.why_not() is None
        assert (storage.look(ONE), storage.pointed("p"), list(storage.names("p"))) == (None, None, [])
        staged = [storage.stage(place, Json(FILES), ABOUT) for place in (ONE, TWO)]
        assert storage.look(ONE) is None
        storage.publish(staged)
        for one in staged:
            one.discard()
        looked = storage.look(ONE)
        assert looked is not None
        assert (looked.files, looked.total_size_bytes) == (
            tuple(sorted(FILES)),
            sum(len(content) for content in as_bytes(FILES).values()),
        )
        with storage.reading(ONE) as read:
            assert {path: read(path) for path in FILES} == as_bytes(FILES)
        patch = storage.stage_patch(TWO, 1, b"a patch")
        assert patch is not None
        assert not storage.has_patch(TWO, 1)
        patch.publish()
        patch.discard()
        assert (storage.has_patch(TWO, 1), storage.has_patch(ONE, 1)) == (True, False)
        storage.point("p", ONE)
        storage.point("p", TWO)
        assert storage.pointed("p") == "v2__g2"
        storage.point("p", None)
        assert storage.pointed("p") is None
        again = storage.stage(ONE, Json({"a.py": ""}), ABOUT)
        storage.publish([again])
        again.discard()
        with storage.reading(ONE) as read:
            assert read("a.py") == b""
        storage.remove(TWO)
        assert list(storage.names("p")) == ["v1__g1"]
        assert list(storage.projects()) == ["p"]


async def test_a_run_brings_all_of_it_into_the_store_and_waits_while_the_store_is_away(
    run: InProcessRun, engine: AsyncEngine, filed: Filed, moto: Spawned
) -> None:
    await filed.add("p", "one", 1, {"main.py": "one\n"})
    await filed.add("p", "two", 2)
    filed.put_flat("two", FILES)
    await filed.activate("p", "two")
    backfill = generation_files.bound(engine, LIMITS)

    ended = await to_its_end(run, backfill)

    assert (ended.state, ended.counts.rows_written) == (State.SUCCEEDED, 2)
    _, findings = await check_everything(backfill)
    assert [finding for finding in findings if finding.is_error] == []
    client = connect(os.environ["FILE_STORAGE_ENDPOINT"])
    content = client.get_object(Bucket=BUCKET, Key="p/generations/v2__two.tar.gz")["Body"].read()
    with tarfile.open(fileobj=BytesIO(content)) as archive:
        assert set(archive.getnames()) == {f"v2__two/source/{name}" for name in FILES} | {"v2__two/manifest.json"}
    assert client.get_object(Bucket=BUCKET, Key="p/generations/active")["Body"].read() == b"v2__two"
    assert b"-one\n" in client.get_object(Bucket=BUCKET, Key="p/generations/v2__two.diff_from_v1.patch")["Body"].read()
    row = await filed.row("two")
    assert row["storage_path"] == "storage/projects/p/generations/v2__two"
    assert row["diff_from_previous"] == "storage/projects/p/generations/v2__two/diff_from_v1.patch"

    client.put_object(Bucket=BUCKET, Key="p/generations/v1__one.tar.gz", Body=content[:100])
    with pytest.raises(Damaged):
        open_storage().look(Place(project_id="p", version=1, generation_id="one"))
    client.delete_bucket_policy(Bucket=BUCKET)
    moto.end()
    with pytest.raises(Unreachable, match="cannot be used"):
        await backfill.settle(["one"])

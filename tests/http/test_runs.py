"""Starting runs, looking at them and acting on them."""

from __future__ import annotations

import httpx
import pytest

from backfill.http.report_documents import Report
from backfill.wiring import Service

RUNS_OF_BACKFILL = "/v1/backfills/generation-versions/runs"
MEMBERS = {
    "version",
    "parameters",
    *("id", "backfill", "state", "done", "actions", "progress", "pace", "ranges", "contended", "quarantined"),
    *(
        "verification",
        "error",
        "requested_by",
        "approved_by",
        "schedule",
        "created_at",
        "started_at",
        "updated_at",
        "finished_at",
    ),
    *("attention", "moved_at", "notes", "asked", "outcome", "next", "database"),
}


async def start(client: httpx.AsyncClient, **options: object) -> httpx.Response:
    response = await client.post(RUNS_OF_BACKFILL, json=options or None)
    assert response.status_code == 202, response.text
    return response


async def test_starting_a_run_answers_at_once_with_where_to_look(client: httpx.AsyncClient) -> None:
    response = await start(client)

    run = response.json()
    assert response.headers["Location"] == f"/v1/runs/{run['id']}"
    assert int(response.headers["Retry-After"]) >= 1
    assert (run["state"], run["requested_by"], set(run)) == ("queued", "http", MEMBERS)
    assert (await client.get(response.headers["Location"])).json() == run


async def test_a_run_can_be_given_its_own_pace(client: httpx.AsyncClient, service: Service) -> None:
    pace = (await start(client, parallel=7, pause_ms=20)).json()["pace"]

    assert (pace["parallel"], pace["pause_ms"]) == (7, 20)
    assert pace["batch_rows"] == service.settings.batch_rows


async def test_the_same_key_gives_the_same_run(client: httpx.AsyncClient) -> None:
    first = await client.post(RUNS_OF_BACKFILL, headers={"Idempotency-Key": "one"})
    again = await client.post(RUNS_OF_BACKFILL, headers={"Idempotency-Key": "one"})

    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"]


async def test_a_second_run_is_refused_with_a_link_to_the_first(client: httpx.AsyncClient) -> None:
    first = (await start(client)).json()

    refusal = await client.post(RUNS_OF_BACKFILL)

    assert refusal.status_code == 409
    assert refusal.headers["Location"] == f"/v1/runs/{first['id']}"
    problem = refusal.json()
    assert (problem["type"], problem["run"]) == ("/problems/active-run-exists", first["id"])


async def test_the_list_has_the_newest_run_first(client: httpx.AsyncClient) -> None:
    ids = []
    for _ in range(3):
        ids.append((await start(client)).json()["id"])
        await client.post(f"/v1/runs/{ids[-1]}/cancel")

    listed = (await client.get("/v1/runs", params={"page_size": 2})).json()

    assert [run["id"] for run in listed["runs"]] == [ids[2], ids[1]]


async def test_a_run_that_has_not_changed_is_not_sent_again(client: httpx.AsyncClient) -> None:
    address = (await start(client)).headers["Location"]
    etag = (await client.get(address)).headers["ETag"]

    unchanged = await client.get(address, headers={"If-None-Match": f'"other", W/{etag}'})
    await client.post(f"{address}/pause")
    changed = await client.get(address, headers={"If-None-Match": etag})

    assert (unchanged.status_code, unchanged.content, unchanged.headers["ETag"]) == (304, b"", etag)
    assert (changed.status_code, changed.json()["state"]) == (200, "paused")


@pytest.mark.parametrize(
    ("actions", "state"),
    [
        (["pause"], "paused"),
        (["pause", "resume"], "queued"),
        (["cancel"], "cancelled"),
    ],
)
async def test_an_action_answers_with_the_run_as_it_is_then(
    client: httpx.AsyncClient, actions: list[str], state: str
) -> None:
    address = (await start(client)).headers["Location"]

    answers = [await client.post(f"{address}/{action}") for action in actions]

    assert [answer.status_code for answer in answers] == [202] * len(actions)
    assert answers[-1].json()["state"] == state
    assert answers[-1].headers["Location"] == address


async def test_an_impossible_action_is_refused_with_what_is_possible(client: httpx.AsyncClient) -> None:
    address = (await start(client)).headers["Location"]
    await client.post(f"{address}/pause")

    refusal = await client.post(f"{address}/retry")

    assert (refusal.status_code, refusal.json()["type"]) == (409, "/problems/wrong-state")
    assert "resume, cancel" in refusal.json()["detail"]


async def test_there_is_no_reason_to_ask_again_for_a_run_that_is_done(client: httpx.AsyncClient) -> None:
    address = (await start(client)).headers["Location"]

    cancelled = await client.post(f"{address}/cancel")
    looked_at = await client.get(address)

    assert "Retry-After" not in cancelled.headers
    assert "Retry-After" not in looked_at.headers


async def test_the_pace_of_a_run_can_be_changed(client: httpx.AsyncClient) -> None:
    started = await start(client, parallel=7, pause_ms=20)

    changed = await client.patch(started.headers["Location"], json={"pause_ms": 0, "rows_per_second": 500})

    expected = {**started.json()["pace"], "pause_ms": 0, "rows_per_second": 500}
    assert (changed.status_code, changed.json()["pace"]) == (200, expected)


async def test_the_pace_of_a_run_that_is_done_does_not_matter(client: httpx.AsyncClient) -> None:
    address = (await start(client)).headers["Location"]
    await client.post(f"{address}/cancel")

    refusal = await client.patch(address, json={"pause_ms": 0})

    assert (refusal.status_code, refusal.json()["type"]) == (409, "/problems/wrong-state")


async def test_every_backfill_is_listed_with_its_rules(client: httpx.AsyncClient, service: Service) -> None:
    listed = (await client.get("/v1/backfills")).json()["backfills"]

    assert [backfill["name"] for backfill in listed] == list(service.control.backfills)
    assert listed[0]["runs_url"] == RUNS_OF_BACKFILL
    assert {"unassigned": "error", "gaps": "warning"}.items() <= {
        rule["rule"]: rule["severity"] for rule in listed[0]["rules"]
    }.items()


async def test_a_note_is_kept_with_the_run_and_in_its_events(client: httpx.AsyncClient, service: Service) -> None:
    address = (await start(client, note="CHG-1044")).headers["Location"]

    paused = (await client.post(f"{address}/pause", json={"note": "until the release is out"})).json()
    again = (await client.post(f"{address}/pause", json={"note": "it is late"})).json()
    await client.patch(address, json={"pause_ms": 50, "note": "quiet hours"})
    resumed = (await client.post(f"{address}/resume")).json()

    assert [(note["action"], note["text"]) for note in paused["notes"]] == [
        ("enqueue", "CHG-1044"),
        ("pause", "until the release is out"),
    ]
    assert (again["state"], again["notes"][-1]["text"]) == ("paused", "it is late")
    assert (resumed["notes"][-1]["action"], resumed["asked"]["action"]) == ("set", "resume")
    events = await service.control.events(resumed["id"])
    notes = [event.about["note"] for event in events if event.about.get("note")]
    assert notes == ["CHG-1044", "until the release is out", "it is late", "quiet hours"]


@pytest.mark.parametrize("note", ["two\nlines", "\u001b[2J", "\u202eback", "x" * 501, 7])
async def test_a_note_that_is_not_one_line_of_plain_text_is_refused(client: httpx.AsyncClient, note: object) -> None:
    address = (await start(client)).headers["Location"]

    started = await client.post(RUNS_OF_BACKFILL, json={"note": note})
    paused = await client.post(f"{address}/pause", json={"note": note})

    assert (started.status_code, paused.status_code) == (422, 422)
    assert (await client.get(address)).json()["state"] == "queued"


async def test_what_is_possible_beside_a_run_that_is_done_is_a_new_run(client: httpx.AsyncClient) -> None:
    address = (await start(client)).headers["Location"]
    cancelled = (await client.post(f"{address}/cancel")).json()

    refusal = (await client.post(f"{address}/resume")).json()

    assert "Possible now: a new run (backfill enqueue generation-versions)." in refusal["detail"]
    assert (cancelled["actions"], "backfill enqueue generation-versions" in cancelled["next"]) == ([], True)


async def test_the_report_of_a_run_is_a_file_to_keep_with_who_asked_for_what(client: httpx.AsyncClient) -> None:
    run = (await start(client, note="CHG-1044")).json()

    response = await client.get(f"/v1/runs/{run['id']}/report")

    report = response.json()
    Report.model_validate(report)
    assert response.headers["Content-Disposition"] == (
        f'attachment; filename="backfill-generation-versions-{run["id"]}.json"'
    )
    assert (report["coverage"]["state"], report["coverage"]["ranges"]) == ("pending", None)
    assert (report["events"][0]["about"]["who"], report["events"][0]["about"]["note"]) == ("http", "CHG-1044")
    assert (await client.get("/v1/runs/000000000000/report")).status_code == 404

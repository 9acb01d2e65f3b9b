"""Lists, single things and changes, as they are printed for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.api.cli.conftest import Cli, Serve
from tests.unit.api.client.service import JOB_ID, RECORDING_ID, event, job, problem, stream, submitted

ENDPOINT: dict[str, Any] = {
    "id": JOB_ID,
    "url": "https://example.com/",
    "events": [],
    "enabled": False,
    "disabled_reason": "410",
    "created_at": "2026-05-01T08:30:00Z",
    "description": "\x1b]0;owned\x07",
}
DELIVERY: dict[str, Any] = {
    "event_id": JOB_ID,
    "type": "job.dead",
    "state": "pending",
    "attempts": [{"status": None, "error": "timeout"}, {"status": 503, "error": None}],
    "created_at": "2026-05-01T08:30:00Z",
    "next_attempt_at": None,
}
KEY: dict[str, Any] = {
    "id": JOB_ID,
    "name": "mine",
    "prefix": "abc",
    "scopes": ["read", "write"],
    **dict.fromkeys(("created_at", "last_used_at", "expires_at", "revoked_at"), None),
}
TENANT: dict[str, Any] = {
    "id": JOB_ID,
    "name": "acme",
    "weight": 2.0,
    "max_queued": 10,
    "max_requests_per_minute": 20,
    "source_buckets": ["in"],
    "created_at": "2026-05-01T08:30:00Z",
}
RECORDING = submitted() | {"job": job("failed")}


def answered(body: object, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=body)


def listed(*items: object) -> httpx.Response:
    return answered({"items": items, "next_cursor": None})


@pytest.mark.parametrize(
    ("words", "item", "told"),
    [
        ("jobs list", job("running", 0.42), [JOB_ID, "running", "asr", "42%", "2026-05-01 08:30:00"]),
        ("recordings list", RECORDING, [RECORDING_ID, "talk.wav", "failed", "no-speech"]),
        ("webhooks list", ENDPOINT, [JOB_ID, "https://example.com/", "all", "no: 410"]),
        (f"webhooks deliveries {JOB_ID}", DELIVERY, [JOB_ID, "job.dead", "pending", "503"]),
        ("keys list", KEY, ["mine", "abc", "read, write"]),
        ("tenants list", TENANT, ["acme", "2", "10", "20", "in"]),
    ],
)
def test_a_list_is_a_table_for_people_and_lines_for_programs(
    words: str, item: dict[str, Any], told: list[str], cli: Cli, serve: Serve
) -> None:
    serve(listed(item))
    for_people = cli(*words.split()).out
    assert all(word in for_people for word in told)
    assert "\x1b" not in for_people
    assert len(for_people.splitlines()) == 2
    assert json.loads(cli(*words.split(), "--json").out) == item


@pytest.mark.parametrize(
    ("words", "body", "asked"),
    [
        (f"jobs show {JOB_ID}", job("failed"), f"GET /v1/jobs/{JOB_ID}"),
        (f"jobs cancel {JOB_ID}", job("cancelled"), f"POST /v1/jobs/{JOB_ID}/cancel"),
        (f"jobs requeue {JOB_ID}", job(), f"POST /v1/jobs/{JOB_ID}/requeue"),
        (f"recordings show {RECORDING_ID}", RECORDING, f"GET /v1/recordings/{RECORDING_ID}"),
        (f"recordings delete {RECORDING_ID} --yes", {"finished_at": None}, f"DELETE /v1/recordings/{RECORDING_ID}"),
        ("webhooks create https://example.com/ --event job.dead", ENDPOINT, "POST /v1/webhook-endpoints"),
        (f"webhooks rotate {JOB_ID}", ENDPOINT, f"POST /v1/webhook-endpoints/{JOB_ID}/rotate-secret"),
        (f"webhooks enable {JOB_ID}", ENDPOINT, f"PATCH /v1/webhook-endpoints/{JOB_ID}"),
        (f"webhooks disable {JOB_ID}", ENDPOINT, f"PATCH /v1/webhook-endpoints/{JOB_ID}"),
        (f"webhooks test {JOB_ID}", {"event_id": JOB_ID}, f"POST /v1/webhook-endpoints/{JOB_ID}/test"),
        (
            f"webhooks replay {JOB_ID} --event {JOB_ID}",
            {"deliveries": 1},
            f"POST /v1/webhook-endpoints/{JOB_ID}/replay",
        ),
        (
            f"webhooks replay {JOB_ID} --after 2026-05-01 --before 2026-05-02T08:30Z",
            {"deliveries": 2},
            f"POST /v1/webhook-endpoints/{JOB_ID}/replay",
        ),
        ("keys create mine --scope read --expires 2027-01-01", KEY | {"key": "hs_live_new"}, "POST /v1/api-keys"),
        (f"keys create x --scope read --tenant {JOB_ID}", KEY | {"key": "k"}, f"POST /v1/tenants/{JOB_ID}/api-keys"),
        (f"keys revoke {JOB_ID}", KEY, f"DELETE /v1/api-keys/{JOB_ID}"),
        ("tenants create acme --weight 2 --source-bucket in", TENANT, "POST /v1/tenants"),
        (f"tenants update {JOB_ID} --no-source-buckets", TENANT, f"PATCH /v1/tenants/{JOB_ID}"),
    ],
)
def test_a_command_asks_for_one_thing_and_prints_what_came_of_it(
    words: str, body: dict[str, Any], asked: str, cli: Cli, serve: Serve
) -> None:
    service = serve(answered(body))
    result = cli(*words.split())
    assert result.code == 0, result.err
    assert result.out
    assert "\x1b" not in result.out
    assert json.loads(cli(*words.split(), "--json").out) == body
    assert service.asked == [asked] * 2


def test_a_limit_asks_for_no_more_than_it_needs(cli: Cli, serve: Serve) -> None:
    service = serve(answered({"items": [job()] * 3, "next_cursor": "more"}))
    assert len(cli("jobs", "list", "--limit", "2", "--json").out.splitlines()) == 2
    assert len(service.requests) == 1


def test_a_new_key_alone_is_on_standard_output(cli: Cli, serve: Serve) -> None:
    serve(answered(KEY | {"key": "hs_live_new"}))
    assert cli("keys", "create", "mine", "--scope", "read").out == "hs_live_new\n"


def test_jobs_are_watched_to_their_ends(cli: Cli, serve: Serve) -> None:
    serve(stream(event("end", job("succeeded", 1.0))))
    assert cli("jobs", "watch", JOB_ID).err == f"{JOB_ID}: succeeded\n"
    serve(answered(job("dead", ident=JOB_ID)), problem("not-found", 404, "no such job"))
    result = cli("jobs", "watch", JOB_ID, RECORDING_ID, "--json")
    assert result.code == 1
    dead, gone = map(json.loads, result.out.splitlines())
    assert (dead["state"], gone["id"], gone["error"]["type"]) == ("dead", RECORDING_ID, "not-found")


def test_nothing_is_deleted_unless_somebody_says_so(cli: Cli, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    service = serve(answered({"finished_at": None}))
    result = cli("recordings", "delete", RECORDING_ID)
    assert result.code == 2
    assert "--yes" in result.err
    assert service.requests == []


def test_a_transcript_is_found_by_the_id_of_its_job_too(cli: Cli, serve: Serve, tmp_path: Path) -> None:
    text = httpx.Response(200, content=b"1\nhello")
    service = serve(problem("not-found", 404), answered(job("succeeded")), text)
    result = cli("transcript", JOB_ID, "--format", "srt")
    assert (result.code, result.out) == (0, "1\nhello\n")
    assert service.asked[-1] == f"GET /v1/recordings/{RECORDING_ID}/transcript?format=srt"
    serve(answered(RECORDING), text)
    assert cli("transcript", RECORDING_ID, "-f", "vtt", "-o", tmp_path).code == 0
    assert (tmp_path / f"{RECORDING_ID}.vtt").read_bytes() == b"1\nhello"


@pytest.mark.parametrize(
    "words", ["", "--event {id} --after 2026-05-01", "--after 2026-05-01", "--after then --before now"]
)
def test_a_replay_says_which_events(words: str, cli: Cli, serve: Serve) -> None:
    service = serve(answered({"deliveries": 1}))
    assert cli("webhooks", "replay", JOB_ID, *words.format(id=JOB_ID).split()).code == 2
    assert service.requests == []


def test_fields_are_shown_one_a_line(cli: Cli, serve: Serve) -> None:
    serve(answered(job("failed")))
    shown = cli("jobs", "show", JOB_ID).out.splitlines()
    assert f"id: {JOB_ID}" in shown
    assert "stage: -" in shown
    assert "  type: no-speech" in shown

"""A recording that was deleted is nowhere any more."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e import places
from tests.e2e.customer import Customer, slug

if TYPE_CHECKING:
    from embedded.system import System

pytestmark = pytest.mark.weights

CANARY = "xylocanary"
"""A word that stands nowhere by accident."""
LEFT = {"audit_log", "deletions", "outbox"}
"""Tables that may go on to name the id of a recording that is gone."""


@pytest.fixture
def endgame(weights: Callable[[str], Path]) -> Path:
    """Half a minute that no other test sends: what is said in it is said nowhere else."""
    return weights("sample-endgame")


def test_nothing_is_left_of_a_deleted_recording_but_its_id(
    customer: Customer, system: System, data: Path, endgame: Path
) -> None:
    submitted = customer.upload(
        f"{CANARY}.wav", endgame.read_bytes(), "once", metadata={"case": CANARY}, vocabulary=[CANARY], language="en"
    ).json()
    recording, job = submitted["recording"]["id"], submitted["job"]["id"]
    assert customer.client.wait(job)["state"] == "succeeded"
    said = max((turn["text"] for turn in customer.client.turns(recording)), key=len)
    # As it stands in JSON, too.
    words = {CANARY, said, json.dumps(said)[1:-1]}

    # The search finds what is there.
    assert {"recordings", "jobs", "turns", "idempotency_keys"} <= places.rows_with(system, words).keys()
    files = {key.rpartition("/")[2] for key in places.objects_with(system, words)}
    assert {"transcript.json", "turns.jsonl"} <= files
    assert len(places.objects_with(system, {recording})) >= 10
    assert {"ingest.log", "process.log"} <= set(places.logs_with(data / "logs", {job}))

    deleted = customer.client.delete(recording)
    # All is gone already; it is called finished when no form for an upload could bring something new.
    assert deleted["finished_at"] is None

    assert places.rows_with(system, words) == {}
    assert places.objects_with(system, words | {recording}) == []
    assert places.keys_with(system, words | {recording, job}) == []
    assert places.logs_with(data / "logs", words) == []
    named = places.rows_with(system, {recording, job})
    assert named.keys() <= LEFT
    assert named["deletions"]
    assert named["audit_log"]
    assert list(customer.client.search(said.split()[0])) == []
    for path in (f"/v1/recordings/{recording}", f"/v1/recordings/{recording}/transcript", f"/v1/jobs/{job}"):
        gone = customer.http.get(path)
        assert gone.status_code in {404, 410}
        assert slug(gone) in {"not-found", "recording-deleted"}
    assert customer.http.get(f"/v1/recordings/{recording}").status_code == 410

"""Uploads that take their time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, BinaryIO
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from api import idempotency
from api.bootstrap import Service
from api.http import file_submission
from api.http.app import create_app
from api.recordings import orphans
from api.storage import InMemoryStore, Stored

PATH = "/v1/recordings"


class Slow(InMemoryStore):
    """Takes two seconds for a file, and lets something happen meanwhile."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        super().__init__()
        self._meanwhile = meanwhile

    def put_stream(self, key: str, content: BinaryIO, content_type: str, *, max_bytes: int) -> Stored:
        stored = super().put_stream(key, content, content_type, max_bytes=max_bytes)
        time.sleep(2.0)
        self._meanwhile()
        return stored


def test_a_key_and_a_file_are_held_while_the_store_takes_its_time(
    service: Service, tenant: UUID, key_for: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def sweep() -> None:
        with service.database.system() as connection:
            idempotency.forget_expired(connection)
        assert orphans.remove_orphans(service) == 0

    monkeypatch.setattr(idempotency, "IN_FLIGHT", timedelta(seconds=1))
    monkeypatch.setattr(orphans, "LOST_AFTER", timedelta(seconds=1))
    monkeypatch.setattr(file_submission, "PROLONGED_EVERY", 0.1)
    headers = {"Authorization": f"Bearer {key_for(tenant)}", "Idempotency-Key": "k"}
    form: dict[str, Any] = {"files": {"file": ("a.wav", b"RIFF")}, "headers": headers}
    with TestClient(create_app(replace(service, objects=Slow(sweep)))) as client:
        first, second = client.post(PATH, **form), client.post(PATH, **form)
    assert (first.status_code, second.status_code) == (202, 202)
    assert second.headers["idempotent-replayed"] == "true"

"""A tenant, as a program of theirs sees the service."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import httpx

from api.client import Client, SubmitOptions

SLUG_AT = ":"


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A tenant with a key for everything."""

    tenant_id: UUID
    client: Client
    http: httpx.Client
    """For what the client takes care of by itself: headers, forms, streams."""

    @classmethod
    @contextmanager
    def of(cls, tenant_id: UUID, address: str, key: str) -> Iterator[Self]:
        headers = {"Authorization": f"Bearer {key}"}
        with (
            Client(address, key) as client,
            httpx.Client(base_url=address, headers=headers, timeout=60.0, trust_env=False) as http,
        ):
            yield cls(tenant_id=tenant_id, client=client, http=http)

    def transcribed(self, path: Path, options: SubmitOptions | None = None) -> tuple[str, Mapping[str, Any]]:
        """Send a recording and wait for its end; the recording's id, and the job."""
        submitted = self.client.submit_file(path, options)
        return submitted["recording"]["id"], self.client.wait(submitted["job"]["id"])

    def upload(self, file_name: str, content: bytes, key: str | None = None, **options: Any) -> httpx.Response:
        """Send a file as a browser's form does, under a name."""
        headers = {} if key is None else {"Idempotency-Key": key}
        files, data = {"file": (file_name, content)}, {"options": json.dumps(options)}
        return self.http.post("/v1/recordings", files=files, data=data, headers=headers)

    def events(self, job_id: str) -> list[tuple[str, Mapping[str, Any]]]:
        """Follow a job to its end: the name and the job of every server-sent event."""
        with self.http.stream("GET", f"/v1/jobs/{job_id}/events") as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            lines = list(response.iter_lines())
        names = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
        jobs = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
        return list(zip(names, jobs, strict=True))


def slug(response: httpx.Response) -> str:
    """Which error it is."""
    return str(response.json()["type"]).rpartition(SLUG_AT)[2]

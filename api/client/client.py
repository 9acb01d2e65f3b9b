"""The client: recordings in, transcripts out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self
from uuid import UUID, uuid4

from api.client.administration import ApiKeys, Tenants
from api.client.connection import Call, Connection, Json, given, moment, options_part, segment
from api.client.errors import ApiError
from api.client.following import ask, follow
from api.client.options import SubmitOptions
from api.client.pace import Pace
from api.client.upload import OnUpload, name_of, watched
from api.client.webhooks import WebhookEndpoints

if TYPE_CHECKING:
    import httpx

OnProgress = Callable[[Json], None]
"""Told the job whenever it has changed."""


class Client:
    """A service, seen through one of its API keys. May be used by several threads.

    Answers are the objects of the API as they come, with every field of its description. All methods raise `ApiError`
    where the service answers with an error, and `Unreachable` where it does not answer; both only after further tries,
    where these do no harm. Nothing that is submitted becomes two jobs by being tried again.
    """

    def __init__(
        self, url: str, key: str, *, transport: httpx.BaseTransport | None = None, pace: Pace | None = None
    ) -> None:
        """Take the address and a key; nothing is opened yet.

        Raises:
            InvalidOption: they cannot be an address and a key.
        """
        self._connection = Connection(url, key, transport=transport, pace=pace or Pace())
        self.webhooks = WebhookEndpoints(self._connection)
        self.keys = ApiKeys(self._connection)
        self.tenants = Tenants(self._connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close what is open."""
        self._connection.close()

    def submit_file(
        self,
        path: Path,
        options: SubmitOptions | None = None,
        *,
        idempotency_key: str | None = None,
        on_progress: OnUpload | None = None,
    ) -> Json:
        """Upload a recording, read piece by piece; gives the recording and its job.

        Without an `idempotency_key` one is made, so that tries are one submission. The same key with the same file and
        options gives, for a day, the same job.

        Raises:
            SourceNotFound: the file is not there or cannot be read.
            SourceChanged: its length changed meanwhile.
        """
        with watched(path, on_progress) as file:
            # The name goes with the options: as JSON it arrives whatever characters it has.
            part = options_part({"name": name_of(path), **(options or {})})
            files = {"options": part, "file": ("recording", file, "application/octet-stream")}
            key = idempotency_key or str(uuid4())
            return self._connection.json(Call(method="POST", path="v1/recordings", files=files, idempotency_key=key))

    def submit_url(self, url: str, options: SubmitOptions | None = None, *, idempotency_key: str | None = None) -> Json:
        """Have a recording fetched from an `https://` or `s3://` address; gives the recording and its job."""
        return self._post("v1/recordings", {**(options or {}), "url": url}, idempotency_key or str(uuid4()))

    def recordings(
        self,
        *,
        status: str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> Iterator[Json]:
        """Recordings with their latest jobs, the newest first; pages are fetched as they are needed.

        `status` is the state of the latest job, `metadata` what a recording's must hold.
        """
        wanted = given(status=status, created_after=moment(created_after), created_before=moment(created_before))
        pairs = [f"{name}={value}" for name, value in (metadata or {}).items()]
        return self._connection.pages("v1/recordings", wanted | ({"metadata": pairs} if pairs else {}))

    def recording(self, recording_id: UUID | str) -> Json:
        """A recording with its latest job."""
        return self._get(f"v1/recordings/{segment(recording_id)}")

    def delete(self, recording_id: UUID | str) -> Json:
        """Delete a recording with its jobs and results, for good."""
        return self._connection.json(Call(method="DELETE", path=f"v1/recordings/{segment(recording_id)}"))

    def jobs(self, *, state: str | None = None, recording_id: UUID | str | None = None) -> Iterator[Json]:
        """Jobs, the newest first; pages are fetched as they are needed."""
        return self._connection.pages("v1/jobs", {"state": state, "recording_id": recording_id and str(recording_id)})

    def job(self, job_id: UUID | str) -> Json:
        """A job as it stands."""
        return self._get(f"v1/jobs/{segment(job_id)}")

    def cancel(self, job_id: UUID | str) -> Json:
        """Stop a job; one that runs stops within seconds."""
        return self._post(f"v1/jobs/{segment(job_id)}/cancel", None, None)

    def requeue(self, job_id: UUID | str, *, idempotency_key: str | None = None) -> Json:
        """Run an ended job once more, as a new job, which it gives."""
        return self._post(f"v1/jobs/{segment(job_id)}/requeue", None, idempotency_key or str(uuid4()))

    def wait(self, job_id: UUID | str, on_progress: OnProgress | None = None) -> Json:
        """Follow a job until it has ended, and give it as it is then: succeeded, failed, cancelled or dead.

        Outages of up to `Pace.outage` seconds are waited out.
        """
        job: Json = {}
        for job in follow(self._connection, job_id):
            if on_progress is not None:
                on_progress(job)
        return job

    def watch(self, job_ids: Sequence[UUID | str]) -> Iterator[tuple[str, Json | ApiError]]:
        """Several jobs, by their ids, each again and again until it has ended; the error for one that is gone."""
        return ask(self._connection, job_ids)

    def transcript(self, recording_id: UUID | str, format_name: str = "json") -> bytes:
        """The latest transcript of a recording in one of the pipeline's formats."""
        path = f"v1/recordings/{segment(recording_id)}/transcript"
        return self._connection.send(Call(method="GET", path=path, params={"format": format_name})).content

    def turns(self, recording_id: UUID | str) -> Iterator[Json]:
        """Who said what, when, in order; pages are fetched as they are needed."""
        return self._connection.pages(f"v1/recordings/{segment(recording_id)}/turns")

    def search(self, query: str) -> Iterator[Json]:
        """Turns that hold words, of the newest recordings first."""
        return self._connection.pages("v1/search", {"q": query})

    def _get(self, path: str) -> Json:
        return self._connection.json(Call(method="GET", path=path))

    def _post(self, path: str, body: Json | None, idempotency_key: str | None) -> Json:
        return self._connection.json(Call(method="POST", path=path, body=body, idempotency_key=idempotency_key))

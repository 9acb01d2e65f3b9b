"""Recordings handed to the service one after the other, and their jobs followed. One bad recording stops no other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import typer

from api.cli.delivery import Delivery
from api.cli.progress import Reporter
from api.cli.showing import print_json
from api.cli.sources import Source
from api.client import ApiError, Client, SubmitOptions, has_ended
from pipeline.cli.failures import describe
from pipeline.errors import HansardError, InvalidOption

Json = dict[str, Any]
SUCCEEDED: Final = "succeeded"
FOR_ALL: Final = frozenset({"api-unreachable", "invalid-api-key", "missing-scope", InvalidOption.slug})
"""Errors after which no other recording would fare better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one recording."""

    source: Source
    recording: Json | None = None
    job: Json | None = None
    error: Exception | None = None
    """Why it has no job, or why nothing more is known of it."""

    @property
    def failed(self) -> bool:
        """Whether it has no result, and will have none from this job."""
        ended_badly = self.job is not None and has_ended(self.job) and self.job["state"] != SUCCEEDED
        return self.error is not None or ended_badly

    def as_json(self) -> Json:
        """For programs."""
        told: Json = {"source": self.source.label, "recording": self.recording, "job": self.job}
        return told if self.error is None else told | {"error": error_json(self.error)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One run of `hansard submit`."""

    client: Client
    reporter: Reporter
    delivery: Delivery | None
    """Where transcripts go; None where none are asked for."""
    as_json: bool
    """Print an object a recording instead of its job's id."""

    def run(
        self, sources: Sequence[Source], options: SubmitOptions, idempotency_key: str | None, *, wait: bool
    ) -> bool:
        """Submit each recording, and if asked to follow its job; gives whether anything failed.

        Raises:
            HansardError: no other recording would fare better.
        """
        going: dict[str, Outcome] = {}
        failed = False
        try:
            for source in sources:
                outcome = self._submit(source, options, idempotency_key)
                if outcome.job is not None and wait:
                    going[outcome.job["id"]] = outcome
                else:
                    self._print(outcome)
                    failed |= outcome.failed
            for outcome in self._follow(going):
                self._print(outcome)
                failed |= outcome.failed
        except BaseException:
            # Also Ctrl-C: what was submitted goes on without this command.
            if going:
                self.reporter.say(f"still going on; to see how: hansard jobs watch {' '.join(going)}", failed=True)
            raise
        return failed

    def _submit(self, source: Source, options: SubmitOptions, idempotency_key: str | None) -> Outcome:
        try:
            made = self._send(source, options, idempotency_key)
        except (HansardError, OSError) as error:
            if isinstance(error, HansardError) and error.slug in FOR_ALL:
                raise
            self.reporter.say(f"{source.label}: failed: {describe(error)}", failed=True)
            return Outcome(source=source, error=error)
        self.reporter.job(source.label, made["job"])
        self.reporter.say(f"{source.label}: submitted")
        if self.delivery is None and not self.as_json:
            # At once: whatever happens from here on, the caller can find the job again.
            typer.echo(made["job"]["id"])
        return Outcome(source=source, recording=made["recording"], job=made["job"])

    def _send(self, source: Source, options: SubmitOptions, idempotency_key: str | None) -> Json:
        if source.path is None:
            return self.client.submit_url(source.label, options, idempotency_key=idempotency_key)
        return self.client.submit_file(
            source.path,
            options,
            idempotency_key=idempotency_key,
            on_progress=lambda done, total: self.reporter.upload(source.label, done, total),
        )

    def _follow(self, going: dict[str, Outcome]) -> Iterator[Outcome]:
        """Each recording once its job has ended, and its transcript is handed over; those are taken out of `going`."""
        labels = {job_id: outcome.source.label for job_id, outcome in going.items()}
        for job_id, found in ended_jobs(self.client, labels, self.reporter):
            before = going.pop(job_id)
            if isinstance(found, ApiError):
                yield replace(before, error=found)
            else:
                yield replace(before, job=found, error=self._deliver(before.source, found))

    def _deliver(self, source: Source, job: Json) -> Exception | None:
        if self.delivery is None or job["state"] != SUCCEEDED:
            return None
        try:
            self.delivery.deliver(self.client, job["recording_id"], source.name)
        except BrokenPipeError:
            raise
        except (HansardError, OSError) as error:
            self.reporter.say(f"{source.label}: {describe(error)}", failed=True)
            return error
        return None

    def _print(self, outcome: Outcome) -> None:
        if self.as_json:
            print_json(outcome.as_json())


def ended_jobs(client: Client, labels: dict[str, str], reporter: Reporter) -> Iterator[tuple[str, Json | ApiError]]:
    """Follow jobs, labels by id, and give each by its id when it has ended, or the error where it is gone."""
    if len(labels) == 1:
        ((job_id, label),) = labels.items()
        found: Json | ApiError = client.wait(job_id, lambda job: reporter.job(label, job))
        _tell_end(reporter, label, found)
        yield job_id, found
        return
    for job_id, found in client.watch(list(labels)):
        label = labels[job_id]
        if not isinstance(found, ApiError):
            reporter.job(label, found)
            if not has_ended(found):
                continue
        _tell_end(reporter, label, found)
        yield job_id, found


def error_json(error: Exception) -> Json:
    """An error for programs."""
    told: Json = {"type": getattr(error, "slug", "io-error"), "detail": str(error)}
    if isinstance(error, ApiError):
        told |= {"status": error.status, "request_id": error.request_id}
    return told


def _tell_end(reporter: Reporter, label: str, found: Json | ApiError) -> None:
    if isinstance(found, ApiError):
        reporter.say(f"{label}: {describe(found)}", failed=True)
    elif found["state"] == SUCCEEDED:
        reporter.say(f"{label}: succeeded")
    else:
        error = found["error"]
        why = f": {error['detail'] or error['type']} [{error['type']}]" if error else ""
        reporter.say(f"{label}: {found['state']}{why}", failed=True)

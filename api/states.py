"""The states of a job and the ways between them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class JobState(StrEnum):
    """Where a job stands."""

    AWAITING_UPLOAD = "awaiting_upload"
    """The recording is being uploaded by the client, past the API."""
    QUEUED = "queued"
    """Waits for a worker of its pool, or for `not_before`."""
    RUNNING = "running"
    """A worker holds the lease."""
    SUCCEEDED = "succeeded"
    """The result is there."""
    FAILED = "failed"
    """The recording or the options cannot give a result; the error says why."""
    CANCELLED = "cancelled"
    """Somebody asked for it to stop."""
    DEAD = "dead"
    """It took its worker with it too often."""


class Pool(StrEnum):
    """Which workers a job needs next."""

    INGEST = "ingest"
    """Fetch, check and decode the recording."""
    PROCESS = "process"
    """Run the models."""


class Priority(StrEnum):
    """Who goes first."""

    INTERACTIVE = "interactive"
    """Somebody waits for it."""
    BACKFILL = "backfill"
    """An archive; whenever there is room."""


TERMINAL: Final = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED, JobState.DEAD})
"""These are final: to run once more is a new job."""

TRANSITIONS: Final[Mapping[JobState, frozenset[JobState]]] = {
    JobState.AWAITING_UPLOAD: frozenset({JobState.QUEUED, JobState.CANCELLED, JobState.FAILED}),
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.CANCELLED, JobState.FAILED}),
    # Back to the queue: handed on to the next pool, released, tried again later, or its worker was lost.
    JobState.RUNNING: frozenset({JobState.QUEUED}) | TERMINAL,
    **{state: frozenset() for state in TERMINAL},
}


def sources_of(state: JobState) -> frozenset[JobState]:
    """The states from which a job may go to `state`."""
    return frozenset(before for before, after in TRANSITIONS.items() if state in after)

"""What can go wrong in the service: the branch of the error tree that is not about audio or models."""

from __future__ import annotations

from pipeline.errors import HansardError, InvalidOption, PermanentError, TransientError


class InvalidSettings(PermanentError):
    """A setting is missing or cannot be used."""

    slug = "invalid-settings"


class Unauthorized(PermanentError):
    """The API key is missing, malformed, revoked or expired."""

    slug = "invalid-api-key"


class MissingScope(PermanentError):
    """The API key does not allow this."""

    slug = "missing-scope"


class NotFound(PermanentError):
    """There is nothing of that id."""

    slug = "not-found"


class RecordingDeleted(PermanentError):
    """The recording was deleted."""

    slug = "recording-deleted"


class InvalidRequest(InvalidOption):
    """A value of the request cannot be used; `pointer` says which."""

    def __init__(self, message: str, pointer: str) -> None:
        super().__init__(message)
        self.pointer = pointer
        """JSON pointer to the value."""


class IdempotencyKeyInvalid(PermanentError):
    """An idempotency key has 1 to 255 printable ASCII characters."""

    slug = "idempotency-key-invalid"


class IdempotencyKeyReused(PermanentError):
    """The idempotency key was used with another request; take a new key for a new request."""

    slug = "idempotency-key-reused"


class RequestInProgress(PermanentError):
    """A request of the same idempotency key is still being worked on; try again shortly."""

    slug = "request-in-progress"


class RateLimited(HansardError):
    """Too many requests; try again after `retry_after` seconds."""

    slug = "rate-limited"

    def __init__(self, message: str | None = None, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class QueueQuotaExceeded(RateLimited):
    """Too many jobs wait already; try again when some have finished."""

    slug = "queue-quota-exceeded"


class InvalidCursor(PermanentError):
    """The cursor is not one of this list; begin again without it."""

    slug = "invalid-cursor"


class JobAlreadyFinished(PermanentError):
    """The job has ended."""

    slug = "job-already-finished"


class ResultNotReady(PermanentError):
    """The job has not succeeded yet."""

    slug = "result-not-ready"


class BucketNotAllowed(PermanentError):
    """The bucket is not among those that recordings may be taken from."""

    slug = "bucket-not-allowed"


class TemporarilyUnavailable(TransientError):
    """A part of the service does not answer; try again shortly."""

    slug = "temporarily-unavailable"


class DatabaseUnavailable(TemporarilyUnavailable):
    """The database does not answer."""


class DatabaseBusy(TemporarilyUnavailable):
    """The database could not do this now."""


class StorageUnavailable(TemporarilyUnavailable):
    """The object store does not answer."""


class ObjectNotFound(PermanentError):
    """There is no object of that key."""

    slug = "object-not-found"


class OwnershipLost(HansardError):
    """The job belongs to another worker by now, or to none: whatever was computed must not be written."""

    slug = "ownership-lost"


class JobCancelled(HansardError):
    """The job was cancelled while it ran."""

    slug = "cancelled"

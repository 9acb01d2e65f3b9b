"""Errors as clients see them: `application/problem+json` of RFC 9457, by one catalogue."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api.errors import InvalidRequest, RateLimited
from pipeline.errors import HansardError, PermanentError, TransientError

MEDIA_TYPE: Final = "application/problem+json"
URN: Final = "urn:hansard:problem:"
INTERNAL: Final = "internal-error"
RETRY_SECONDS: Final = 5.0
"""After which a client may try again what failed for a passing reason."""
CATALOGUE: Final[Mapping[str, tuple[int, str]]] = {
    "invalid-api-key": (401, "The API key is missing or cannot be used"),
    "missing-scope": (403, "The API key lacks a scope"),
    "not-found": (404, "There is no such thing"),
    "method-not-allowed": (405, "The address does not take this method"),
    "malformed-json": (400, "The body is not JSON"),
    "validation-error": (422, "A value of the request cannot be used"),
    "payload-too-large": (413, "The body is too large"),
    "unsupported-media-type": (415, "The body is of a type that is not taken here"),
    "idempotency-key-invalid": (400, "The idempotency key cannot be used"),
    "idempotency-key-reused": (422, "The idempotency key belongs to another request"),
    "request-in-progress": (409, "The same request is still being worked on"),
    "rate-limited": (429, "Too many requests"),
    "queue-quota-exceeded": (429, "Too many jobs wait"),
    "invalid-cursor": (400, "The cursor cannot be used"),
    "job-already-finished": (409, "The job has ended"),
    "result-not-ready": (409, "There is no result yet"),
    "endpoint-disabled": (409, "The webhook endpoint is disabled"),
    "recording-deleted": (410, "The recording was deleted"),
    "temporarily-unavailable": (503, "A part of the service does not answer"),
    "url-not-allowed": (422, "The URL is not one that recordings are fetched from"),
    "bucket-not-allowed": (422, "The bucket is not one that recordings are taken from"),
    "source-not-found": (422, "There is no recording"),
    "source-too-slow": (408, "The body came too slowly"),
    INTERNAL: (500, "Something went wrong here"),
}
"""Status and title of each slug that a request can be answered with."""


class MalformedJson(PermanentError):
    """The body is not JSON."""

    slug = "malformed-json"


class UnsupportedMediaType(PermanentError):
    """The body is of a type that is not taken here."""

    slug = "unsupported-media-type"


class PayloadTooLarge(PermanentError):
    """The body is larger than the limit."""

    slug = "payload-too-large"


class MethodNotAllowed(PermanentError):
    """The address does not take this method."""

    slug = "method-not-allowed"


class BodyTooSlow(TransientError):
    """The body came too slowly."""

    slug = "source-too-slow"


class ProblemEntry(BaseModel):
    """One value that cannot be used."""

    pointer: str = Field(description="JSON pointer to the value in the body, or `/` and the name of the parameter.")
    detail: str


class Problem(BaseModel):
    """What went wrong, after RFC 9457. `type` ends in a slug that never changes."""

    model_config = ConfigDict(json_schema_extra={"required": ["type", "title", "status", "detail", "request_id"]})
    declared: ClassVar[str] = "#/components/schemas/Problem"

    type: str
    title: str
    status: int
    detail: str = Field(description="Which limit or value, and what to do.")
    errors: list[ProblemEntry] = []
    request_id: str | None


class Invalid(PermanentError):
    """Values of the request cannot be used."""

    slug = "validation-error"

    def __init__(self, errors: Sequence[ProblemEntry]) -> None:
        super().__init__("; ".join(f"{entry.pointer}: {entry.detail}" for entry in errors[:3]))
        self.errors = list(errors)


def problem(slug: str, detail: str, request_id: str | None, errors: Sequence[ProblemEntry] = ()) -> Problem:
    """Describe an error of the catalogue."""
    status, title = CATALOGUE[slug]
    return Problem(
        type=f"{URN}{slug}", title=title, status=status, detail=detail, errors=list(errors), request_id=request_id
    )


def of_error(error: HansardError, request_id: str | None) -> Problem:
    """Describe an error of ours; one that no request should end with is an internal error, of which nothing is told."""
    if error.slug not in CATALOGUE:
        return problem(INTERNAL, "try again; if it stays, report the request id", request_id)
    errors: Sequence[ProblemEntry] = ()
    if isinstance(error, Invalid):
        errors = error.errors
    elif isinstance(error, InvalidRequest):
        errors = [ProblemEntry(pointer=error.pointer, detail=str(error))]
    return problem(error.slug, str(error), request_id, errors)


def headers_of(error: HansardError) -> dict[str, str]:
    """Headers that go with an error: when to try again, how to authenticate."""
    if isinstance(error, RateLimited):
        return {"Retry-After": str(max(1, math.ceil(error.retry_after)))}
    if error.slug in {"temporarily-unavailable", "request-in-progress"}:
        return {"Retry-After": str(math.ceil(RETRY_SECONDS))}
    return {"WWW-Authenticate": "Bearer"} if error.slug == "invalid-api-key" else {}


def response(found: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """Write a problem."""
    return Response(found.model_dump_json(), found.status, dict(headers or {}), MEDIA_TYPE)


def responses(*slugs: str) -> dict[int | str, dict[str, Any]]:
    """Declare the problems of a route, for its `responses`; what any route may answer is among them."""
    declared: dict[int | str, dict[str, Any]] = {}
    always = (
        "invalid-api-key",
        "missing-scope",
        "validation-error",
        "rate-limited",
        INTERNAL,
        "temporarily-unavailable",
    )
    for slug in dict.fromkeys((*always, *slugs)):
        status, _ = CATALOGUE[slug]
        entry = declared.setdefault(status, {"description": "", "content": {MEDIA_TYPE: {"schema": _REFERENCE}}})
        entry["description"] = ", ".join(filter(None, (entry["description"], f"`{slug}`")))
        if status in {429, 503}:
            entry["headers"] = {"Retry-After": {"schema": {"type": "string"}, "description": "Seconds."}}
    return declared


_REFERENCE: Final = {"$ref": Problem.declared}

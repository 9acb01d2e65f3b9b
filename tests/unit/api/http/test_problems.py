"""Errors as clients see them."""

from __future__ import annotations

import pytest

from api import errors
from api.http import problems
from api.http.problems import CATALOGUE, INTERNAL, Invalid, ProblemEntry, headers_of, of_error
from pipeline.errors import HansardError, NoSpeech

PROMISED = {
    "invalid-api-key": 401,
    "missing-scope": 403,
    "not-found": 404,
    "malformed-json": 400,
    "validation-error": 422,
    "payload-too-large": 413,
    "unsupported-media-type": 415,
    "idempotency-key-invalid": 400,
    "idempotency-key-reused": 422,
    "request-in-progress": 409,
    "rate-limited": 429,
    "queue-quota-exceeded": 429,
    "invalid-cursor": 400,
    "job-already-finished": 409,
    "result-not-ready": 409,
    "recording-deleted": 410,
    "temporarily-unavailable": 503,
    "url-not-allowed": 422,
    "bucket-not-allowed": 422,
}
"""What clients were promised: none of these may ever change."""
INSIDE = {"InvalidSettings", "ObjectNotFound", "OwnershipLost", "JobCancelled"}
"""Errors that no request ends with."""


ERRORS = [
    kind
    for module in (errors, problems)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, HansardError) and kind.__module__ == module.__name__
]


def test_slugs_and_statuses_are_the_promised_ones() -> None:
    assert {slug: CATALOGUE[slug][0] for slug in PROMISED} == PROMISED


def test_every_error_of_a_request_is_in_the_catalogue() -> None:
    assert {kind.__name__ for kind in ERRORS if kind.slug not in CATALOGUE} == INSIDE


def test_every_promise_is_kept_by_an_error() -> None:
    """`url-not-allowed` is the outbound client's."""
    assert set(PROMISED) - {kind.slug for kind in ERRORS} == {"url-not-allowed"}


@pytest.mark.parametrize("error", [NoSpeech("what was said"), errors.OwnershipLost(), HansardError("secret")])
def test_an_error_that_no_request_should_end_with_tells_nothing(error: HansardError) -> None:
    told = of_error(error, "r-1")
    assert (told.status, told.type) == (500, f"urn:hansard:problem:{INTERNAL}")
    assert str(error) not in told.detail


def test_a_problem_names_values_and_the_request() -> None:
    told = of_error(Invalid([ProblemEntry(pointer="/url", detail="is missing")]), "r-1")
    assert told.model_dump() == {
        "type": "urn:hansard:problem:validation-error",
        "title": "A value of the request cannot be used",
        "status": 422,
        "detail": "/url: is missing",
        "errors": [{"pointer": "/url", "detail": "is missing"}],
        "request_id": "r-1",
    }


def test_a_value_that_a_service_function_refuses_is_named_too() -> None:
    told = of_error(errors.InvalidRequest("is taken", "/name"), None)
    assert told.errors == [ProblemEntry(pointer="/name", detail="is taken")]


@pytest.mark.parametrize(
    ("error", "headers"),
    [
        (errors.RateLimited(retry_after=1.2), {"Retry-After": "2"}),
        (errors.QueueQuotaExceeded(retry_after=0.0), {"Retry-After": "1"}),
        (errors.StorageUnavailable(), {"Retry-After": "5"}),
        (errors.Unauthorized(), {"WWW-Authenticate": "Bearer"}),
        (errors.NotFound(), {}),
    ],
)
def test_clients_are_told_when_to_come_back(error: HansardError, headers: dict[str, str]) -> None:
    assert headers_of(error) == headers

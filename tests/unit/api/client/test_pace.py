from __future__ import annotations

import pytest

from api.client import ApiError, Pace, Unreachable
from pipeline.errors import HansardError, PermanentError

PACE = Pace(patience=60.0, chance=lambda: 1.0)


def api(status: int, slug: str = "some-problem", retry_after: float | None = None) -> ApiError:
    return ApiError(slug, status, "why", retry_after=retry_after)


@pytest.mark.parametrize(
    ("error", "attempt", "waited", "idempotent", "pause"),
    [
        (Unreachable(), 1, 0.0, False, 0.25),
        (Unreachable(), 3, 0.0, True, 1.0),
        (Unreachable(), 4, 0.0, True, None),
        (Unreachable(sent=True), 1, 0.0, True, 0.25),
        (Unreachable(sent=True), 1, 0.0, False, None),
        (api(429, retry_after=30.0), 1, 0.0, False, 30.0),
        (api(429, retry_after=30.0), 2, 30.0, False, 30.0),
        (api(429, retry_after=30.0), 3, 60.0, False, None),
        (api(503, retry_after=61.0), 1, 0.0, True, None),
        (api(503), 2, 0.0, False, 0.5),
        (api(503), 12, 30.0, False, 8.0),
        (api(502), 1, 0.0, True, 0.25),
        (api(502), 1, 0.0, False, None),
        (api(504), 1, 0.0, False, None),
        (api(500), 1, 0.0, True, None),
        (api(409, "request-in-progress", 5.0), 1, 0.0, True, 5.0),
        (api(409, "job-already-finished"), 1, 0.0, True, None),
        (api(401, "invalid-api-key"), 1, 0.0, True, None),
        (PermanentError(), 1, 0.0, True, None),
    ],
)
def test_a_request_is_repeated_where_that_may_help_and_does_no_harm(
    error: HansardError, attempt: int, waited: float, idempotent: bool, pause: float | None
) -> None:
    assert PACE.retry(error, attempt=attempt, waited=waited, idempotent=idempotent) == pause


def test_clients_that_failed_together_come_again_apart() -> None:
    assert Pace(chance=lambda: 0.0).pause(3) == 0.5
    assert Pace(chance=lambda: 1.0).pause(3) == 1.0

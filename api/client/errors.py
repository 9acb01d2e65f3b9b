"""What can go wrong between a client and the service."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import httpx

from api.outbound.retry_after import parse_retry_after
from pipeline.errors import HansardError, InvalidOption, TransientError

SERVER_ERRORS: Final = 500
_SHOWN: Final = 500
"""Characters of a detail that did not come from Hansard."""


class Unreachable(TransientError):
    """The service cannot be reached."""

    slug = "api-unreachable"

    def __init__(self, message: str | None = None, *, sent: bool = False) -> None:
        super().__init__(message)
        self.sent = sent
        """Whether the request may have arrived all the same."""


class SourceChanged(TransientError):
    """The file changed while it was being sent."""

    slug = "source-changed"


class ApiError(HansardError):
    """The service answered with an error."""

    slug: str  # type: ignore[misc] # not one for the class: what the service answered

    def __init__(
        self,
        slug: str,
        status: int,
        detail: str,
        *,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        told = f" (request {request_id})" if request_id and status >= SERVER_ERRORS else ""
        super().__init__(detail + told)
        self.slug = slug
        """Stable; the tail of the problem's type."""
        self.status = status
        """Of the HTTP answer."""
        self.detail = detail
        """Which limit or value, and what to do."""
        self.request_id = request_id
        """For whoever runs the service."""
        self.retry_after = retry_after
        """Seconds after which the service wants to be asked again; None where it does not say."""


class RequestRefused(ApiError, InvalidOption):
    """A value of the request cannot be used."""


def from_response(response: httpx.Response) -> ApiError:
    """Read an error off an answer that was read to its end."""
    try:
        problem = response.json()
    except ValueError:
        problem = None
    retry_after = parse_retry_after(response.headers.get("retry-after"), datetime.now(UTC))
    if isinstance(problem, dict) and isinstance(problem.get("type"), str):
        return from_problem(problem, status=response.status_code, retry_after=retry_after)
    detail = f"{response.url.host} answered {response.status_code} {response.reason_phrase}, and not as Hansard does"
    return ApiError(f"http-{response.status_code}", response.status_code, detail, retry_after=retry_after)


def from_problem(problem: Mapping[str, Any], *, status: int, retry_after: float | None = None) -> ApiError:
    """Read an error off `application/problem+json`."""
    slug = str(problem["type"]).rpartition(":")[2]
    detail = str(problem.get("detail") or problem.get("title") or slug)[:_SHOWN]
    request_id = problem.get("request_id")
    kind = RequestRefused if slug == InvalidOption.slug else ApiError
    shown = None if request_id is None else str(request_id)
    return kind(slug, int(problem.get("status") or status), detail, request_id=shown, retry_after=retry_after)

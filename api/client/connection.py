"""Requests to the API: authenticated, repeated where that does no harm, and answered with JSON or an `ApiError`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

import httpx

from api.client.errors import Unreachable, from_response
from api.client.pace import Pace
from pipeline.errors import HansardError, InvalidOption

Json = dict[str, Any]
"""An object as the API answers it: its description says which fields it has."""
PAGE: Final = 100
TIMEOUT: Final = httpx.Timeout(60.0, connect=10.0)
"""Seconds without a byte."""
UPLOAD_TIMEOUT: Final = httpx.Timeout(300.0, connect=10.0)
"""A service with its hands full lets uploads wait, and answers once the object store has all of one."""
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_BEFORE_SENDING: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_SUCCESS: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, which may be made several times."""

    method: str
    path: str
    params: Mapping[str, Any] | None = None
    body: Json | None = None
    files: Mapping[str, Any] | None = None
    """Parts of a form; what is read from is sought back before each try."""
    idempotency_key: str | None = None

    @property
    def idempotent(self) -> bool:
        """Whether a second one has no second effect."""
        return self.method in {"GET", "PATCH", "DELETE"} or self.idempotency_key is not None


class Connection:
    """A service and a key for it."""

    def __init__(self, url: str, key: str, *, transport: httpx.BaseTransport | None, pace: Pace) -> None:
        base = _address(url)
        self.pace = pace
        self._http = httpx.Client(
            base_url=base,
            headers={"Authorization": f"Bearer {_printable(key)}", "Accept": "application/json"},
            timeout=TIMEOUT,
            transport=transport,
            # A proxy that the environment names cannot reach this machine's own addresses.
            trust_env=base.host not in _LOOPBACK,
        )

    def close(self) -> None:
        """Close what is open."""
        self._http.close()

    def json(self, call: Call) -> Json:
        """Make a request that is answered with an object.

        Raises:
            ApiError: the service answered with an error.
            Unreachable: it did not answer.
        """
        response = self.send(call)
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            message = f"{self._http.base_url} did not answer as Hansard does: is it the address of the API?"
            raise Unreachable(message, sent=True)
        return answer

    def pages(self, path: str, params: Mapping[str, Any] | None = None, *, size: int = PAGE) -> Iterator[Json]:
        """Items of a list, its pages fetched as they are needed."""
        cursor: str | None = None
        while True:
            page = self.json(Call(method="GET", path=path, params={**(params or {}), "limit": size, "cursor": cursor}))
            yield from page["items"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def send(self, call: Call) -> httpx.Response:
        """Make a request, if need be several times; raises like `json`."""
        refused: float | None = None
        attempt = 0
        while True:
            attempt += 1
            try:
                return self._once(call)
            except HansardError as error:
                now = self.pace.clock()
                # From the first refusal: sending a large file may take longer than anybody's patience.
                refused = now if refused is None else refused
                waited = now - refused
                pause = self.pace.retry(error, attempt=attempt, waited=waited, idempotent=call.idempotent)
                if pause is None:
                    raise
            self.pace.sleep(pause)

    @contextmanager
    def stream(self, call: Call, *, silence: float) -> Iterator[httpx.Response]:
        """An answer that is read as it comes; ends as `Unreachable` after `silence` seconds without a byte."""
        with self._faults():
            timeout = httpx.Timeout(silence, connect=10.0)
            with self._http.stream(
                call.method, call.path, headers={"Accept": "text/event-stream"}, timeout=timeout
            ) as response:
                if response.status_code >= _SUCCESS:
                    response.read()
                    raise from_response(response)
                yield response

    def _once(self, call: Call) -> httpx.Response:
        headers = {} if call.idempotency_key is None else {"Idempotency-Key": call.idempotency_key}
        with self._faults():
            response = self._http.request(
                call.method,
                call.path,
                params=_query(call.params),
                json=call.body,
                files=call.files,
                headers=headers,
                timeout=TIMEOUT if call.files is None else UPLOAD_TIMEOUT,
            )
        if response.status_code >= _SUCCESS:
            raise from_response(response)
        return response

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except _BEFORE_SENDING as error:
            message = f"cannot connect to {self._http.base_url}: {_reason(error)}"
            raise Unreachable(message) from error
        except httpx.TransportError as error:
            message = f"the connection to {self._http.base_url} broke: {_reason(error)}"
            raise Unreachable(message, sent=True) from error


def segment(ident: UUID | str) -> str:
    """An id as one part of a path, whatever it holds."""
    return quote(str(ident), safe="")


def options_part(options: Mapping[str, Any]) -> tuple[None, bytes, str]:
    """Options as a part of a form."""
    return None, json.dumps(options, ensure_ascii=False).encode(), "application/json"


def given(**values: Any) -> Json:  # noqa: ANN401 - whatever JSON can hold
    """The fields that are not None."""
    return {name: value for name, value in values.items() if value is not None}


def moment(value: datetime | None) -> str | None:
    """A moment as the API takes it; one without a zone is of this machine's."""
    return None if value is None else (value if value.tzinfo is not None else value.astimezone()).isoformat()


def _query(params: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (params or {}).items() if value is not None}


def _address(url: str) -> httpx.URL:
    try:
        found = httpx.URL(url.strip())
    except httpx.InvalidURL as error:
        message = f"{url!r} is no address of a service: {error}"
        raise InvalidOption(message) from error
    if found.scheme not in {"http", "https"} or not found.host or found.userinfo:
        message = f"{url!r} is no address of a service: give it as http://host:port or https://host"
        raise InvalidOption(message)
    return found


def _printable(key: str) -> str:
    found = key.strip()
    if not found or not found.isascii() or not found.isprintable():
        message = "the API key is not one: it begins with hs_live_ and has no spaces"
        raise InvalidOption(message)
    return found


def _reason(error: httpx.TransportError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "it does not answer"
    return " ".join(str(error).split()) or type(error).__name__

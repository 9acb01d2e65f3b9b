"""The HTTP client for addresses that users name: sources of recordings, and webhook endpoints.

It reads no environment (no proxies, no .netrc), keeps no connection and no cookie, and decodes no content.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import BinaryIO

import httpcore
import httpx

from api.outbound.errors import SourceTimeout, SourceTlsError, SourceTooSlow, SourceUnavailable, UrlNotAllowed
from api.outbound.faults import EXCHANGE_ERRORS, Fault, fault_of
from api.outbound.network import GuardedBackend
from api.outbound.receiving import Fetched, FetchLimits, check_head, check_status, copy, header, redirect_of
from api.outbound.resolver import Resolve, system_resolver
from api.outbound.retry_after import parse_retry_after
from api.outbound.urls import UrlRules, host_of, parse_url, port_of
from api.outbound.watch import BodyTooSlow, Clock, OutOfTime, SpeedGauge, Watch

MAX_REDIRECTS = 3
POST_SECONDS = 15.0
POST_REPLY_BYTES = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """How a post ended."""

    status: int | None
    """The reply's status; None where none came."""
    retry_after: float | None
    """Seconds after which the receiver asks to be tried again."""
    seconds: float
    """How long it took."""
    error: str | None
    """What stopped it, in a short word (see `Fault`); None where a reply came that leads nowhere else."""

    @property
    def accepted(self) -> bool:
        """Whether the receiver took it: a 2xx, and nothing else."""
        return self.status is not None and HTTPStatus(200) <= self.status < HTTPStatus(300)


class OutboundClient:
    """Fetches and posts within rules. It can be shared between threads.

    `resolve`, `connector` and `clock` stand for the name service, TCP and the monotonic clock; `tls` for the trusted
    certificates (those of certifi by default; an installation with an authority of its own passes another).
    """

    def __init__(
        self,
        rules: UrlRules,
        *,
        tls: ssl.SSLContext | None = None,
        resolve: Resolve = system_resolver,
        connector: httpcore.NetworkBackend | None = None,
        clock: Clock = time.monotonic,
        wall_clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        user_agent: str = "Hansard",
    ) -> None:
        self._rules = rules
        self._tls = tls or httpcore.default_ssl_context()
        self._resolve = resolve
        self._connector = connector or httpcore.SyncBackend()
        self._clock = clock
        self._wall_clock = wall_clock
        self._user_agent = user_agent

    def fetch(self, url: str, into: BinaryIO, *, limits: FetchLimits | None = None) -> Fetched:
        """Copy a file to `into`, over at most 3 redirects, each checked like the first URL.

        After an error, what `into` holds is of no use.

        Raises:
            UrlNotAllowed: the URL, an address behind it, or what it leads on to is not allowed.
            SourceNotFound: the server does not know it.
            SourceForbidden: the server does not give it out.
            SourceNotAudio: it is a page or a text.
            SourceTooLarge: it has more than `limits.max_bytes`.
            SourceTlsError: no secure connection could be made.
            SourceTimeout: no answer came in time; may be tried again.
            SourceTooSlow: it came below the least speed, or took too long as a whole; may be tried again.
            SourceUnavailable: no connection, a connection cut, or a server in trouble; may be tried again.
        """
        limits = limits or FetchLimits()
        watch = Watch(limits.total_seconds, self._clock)
        target = parse_url(url, self._rules)
        timeouts = {"connect": limits.connect_seconds, "read": limits.read_seconds, "write": limits.read_seconds}
        for _ in range(1 + MAX_REDIRECTS):
            watch.end_at(min(watch.elapsed + limits.reply_seconds, limits.total_seconds))
            with _source_errors(), self._exchange(b"GET", target, b"", {}, timeouts, watch) as response:
                location = redirect_of(response)
                if location is None:
                    return _receive(response, into, limits, watch)
            target = self._next(target, location)
        message = f"The URL leads on more than {MAX_REDIRECTS} times"
        raise UrlNotAllowed(message)

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, seconds: float = POST_SECONDS) -> Posted:
        """Send a body, and say what came of it: nothing the receiver or the network does is raised.

        Redirects are not followed. `seconds` bounds everything, from looking the name up to the end of the reply, of
        which at most 64 kB are read.
        """
        watch = Watch(seconds, self._clock)
        status: int | None = None
        retry_after: float | None = None
        fault: Fault | None = None
        try:
            target = parse_url(url, self._rules)
            with self._exchange(b"POST", target, body, headers, {}, watch) as response:
                status = response.status
                retry_after = parse_retry_after(header(response, b"retry-after"), self._wall_clock())
                fault = Fault.REDIRECT if HTTPStatus(300) <= status < HTTPStatus(400) else None
                _drain(response)
        except EXCHANGE_ERRORS as error:
            # The status is the receiver's answer; a reply that breaks off after it does not take it back.
            fault = fault if status is not None else fault_of(error)
        return Posted(status=status, retry_after=retry_after, seconds=watch.elapsed, error=fault and fault.value)

    def _next(self, target: httpx.URL, location: str) -> httpx.URL:
        try:
            joined = target.join(location)
        except (httpx.InvalidURL, ValueError):
            raise UrlNotAllowed from None
        return parse_url(str(joined), self._rules)

    @contextmanager
    def _exchange(
        self,
        method: bytes,
        url: httpx.URL,
        body: bytes,
        headers: Mapping[str, str],
        timeouts: Mapping[str, float],
        watch: Watch,
    ) -> Iterator[httpcore.Response]:
        """One request on a connection of its own, so that every request has its addresses checked."""
        backend = GuardedBackend(
            watch=watch, resolve=self._resolve, connector=self._connector, allowed=self._rules.allowed_networks
        )
        target = httpcore.URL(scheme=url.raw_scheme, host=host_of(url), port=port_of(url), target=url.raw_path)
        own = {"host": url.netloc.decode("ascii"), "user-agent": self._user_agent, "connection": "close"}
        own |= {"accept": "*/*", "accept-encoding": "identity"}
        own |= {"content-length": str(len(body))} if method == b"POST" else {}
        with (
            httpcore.ConnectionPool(ssl_context=self._tls, max_connections=1, network_backend=backend) as pool,
            pool.stream(
                method,
                target,
                headers=list((own | {name.lower(): value for name, value in headers.items()}).items()),
                content=body or None,
                extensions={"timeout": dict(timeouts)},
            ) as response,
        ):
            yield response


def _receive(response: httpcore.Response, into: BinaryIO, limits: FetchLimits, watch: Watch) -> Fetched:
    check_status(response.status)
    content_type = check_head(response, limits)
    watch.end_at(limits.total_seconds)
    watch.measure(SpeedGauge(least=limits.least_speed, window=limits.speed_window))
    try:
        return copy(response.iter_stream(), into, limits, content_type)
    except (OutOfTime, BodyTooSlow) as error:
        raise SourceTooSlow from error


def _drain(response: httpcore.Response) -> None:
    """Read the reply to its end or to 64 kB, so that a well-meaning receiver is not cut off while it writes."""
    size = 0
    for chunk in response.iter_stream():
        size += len(chunk)
        if size >= POST_REPLY_BYTES:
            return


@contextmanager
def _source_errors() -> Iterator[None]:
    try:
        yield
    except UrlNotAllowed:
        raise
    except EXCHANGE_ERRORS as error:
        fault = fault_of(error)
        if fault is Fault.TIMEOUT:
            raise SourceTimeout from error
        if fault is Fault.TLS:
            raise SourceTlsError from error
        message = f"The recording could not be fetched now ({fault})"
        raise SourceUnavailable(message) from error

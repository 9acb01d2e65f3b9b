"""Connections that only lead to allowed addresses, and end on time.

The address is checked where the connection is made, and the checked address is what is connected to: a name that
changes its address in between (DNS rebinding) gains nothing. The name stays in the Host header, in SNI and in the check
of the certificate, because httpcore takes those from the URL.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Any

import httpcore

from api.outbound.addresses import IPAddress, IPNetwork, is_denied
from api.outbound.errors import UrlNotAllowed
from api.outbound.resolver import Resolve
from api.outbound.watch import OutOfTime, Watch

WRITE_SIZE = 16_384
"""Bytes written under one time-out: one TLS record. The time-out of a longer write would start anew with each piece."""


class GuardedBackend(httpcore.NetworkBackend):
    """Resolves once, refuses a name when any of its addresses is denied, and connects to what was checked."""

    def __init__(
        self, *, watch: Watch, resolve: Resolve, connector: httpcore.NetworkBackend, allowed: tuple[IPNetwork, ...] = ()
    ) -> None:
        self._watch = watch
        self._resolve = resolve
        self._connector = connector
        self._allowed = allowed

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to one of the host's addresses; `timeout` covers looking it up and every try.

        Raises:
            UrlNotAllowed: an address of the host is denied.
            NameNotResolved: it has none.
            httpcore.ConnectError: none of its addresses takes a connection.
            httpcore.ConnectTimeout: that took too long.
            OutOfTime: the exchange has taken too long as a whole.
        """
        end = self._watch.now() + self._watch.allowed(timeout)
        addresses = self._checked_addresses(host, end)
        for tries_left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            # An equal share for each: a dead IPv6 route leaves time for IPv4.
            share = self._left(end) / tries_left
            try:
                stream = self._connector.connect_tcp(str(address), port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if tries_left == 1:
                    raise
            else:
                return WatchedStream(stream, self._watch)
        message = "the host has no address"
        raise httpcore.ConnectError(message)

    def _checked_addresses(self, host: str, end: float) -> tuple[IPAddress, ...]:
        try:
            addresses = self._resolve(host, self._left(end))
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        if any(is_denied(address, self._allowed) for address in addresses):
            raise UrlNotAllowed
        return addresses

    def _left(self, end: float) -> float:
        left = self._watch.allowed(end - self._watch.now())
        if left <= 0:
            message = "connecting took too long"
            raise httpcore.ConnectTimeout(message)
        return left


class WatchedStream(httpcore.NetworkStream):
    """A connection whose every operation ends when its exchange has to.

    A time-out per read does not bound an exchange: one byte each 10 s keeps it open for ever.
    """

    def __init__(self, stream: httpcore.NetworkStream, watch: Watch) -> None:
        self._stream = stream
        self._watch = watch

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """At most `max_bytes`, as they come.

        Raises:
            OutOfTime: the exchange has taken too long.
            BodyTooSlow: its body comes too slowly.
        """
        allowed = self._watch.allowed(timeout)
        before = self._watch.now()
        try:
            data = self._stream.read(max_bytes, allowed)
        except httpcore.ReadTimeout as error:
            if timeout is None or allowed < timeout:
                raise OutOfTime from error
            raise
        self._watch.received(len(data), self._watch.now() - before)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of `buffer`.

        Raises:
            OutOfTime: the exchange has taken too long.
        """
        for start in range(0, len(buffer), WRITE_SIZE):
            self._stream.write(buffer[start : start + WRITE_SIZE], self._watch.allowed(timeout))

    def close(self) -> None:
        """End the connection."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """The same connection, encrypted, with the certificate checked against `server_hostname`."""
        secured = self._stream.start_tls(ssl_context, server_hostname, self._watch.allowed(timeout))
        return WatchedStream(secured, self._watch)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - httpcore's signature
        """What httpcore asks about the connection beneath."""
        return self._stream.get_extra_info(info)

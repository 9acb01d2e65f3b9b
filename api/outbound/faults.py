"""What stopped an exchange, in one word."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from enum import StrEnum

import httpcore

from api.outbound.errors import UrlNotAllowed
from api.outbound.resolver import NameNotResolved
from api.outbound.watch import OutOfTime

EXCHANGE_ERRORS = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    NameNotResolved,
    OutOfTime,
    UrlNotAllowed,
)
"""Everything that can end an exchange through no fault of this code."""


class Fault(StrEnum):
    """What stopped an exchange."""

    URL_NOT_ALLOWED = "url-not-allowed"  # the URL, or an address behind it
    DNS = "dns"  # the name has no address
    REFUSED = "refused"  # nothing listens on the port
    UNREACHABLE = "unreachable"  # no route, or no answer to the connection
    TLS = "tls"  # the certificate, or no common protocol
    TIMEOUT = "timeout"
    CLOSED = "closed"  # the connection was cut
    BAD_REPLY = "bad-reply"  # what came was not HTTP, or broke off
    REDIRECT = "redirect"  # an answer that leads on, where none is followed


def fault_of(error: BaseException) -> Fault:
    """The word for one of `EXCHANGE_ERRORS`."""
    causes = list(_causes(error))
    if any(isinstance(cause, ssl.SSLError) and not isinstance(cause, _CUT) for cause in causes):
        return Fault.TLS
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return Fault.REFUSED
    for kinds, fault in _BY_TYPE:
        if isinstance(error, kinds):
            return fault
    return Fault.CLOSED


_CUT = (ssl.SSLEOFError, ssl.SSLZeroReturnError)
# Which of the two comes when a peer goes away in the middle depends on how far the handshake got.

_BY_TYPE: tuple[tuple[type[Exception] | tuple[type[Exception], ...], Fault], ...] = (
    (UrlNotAllowed, Fault.URL_NOT_ALLOWED),
    (NameNotResolved, Fault.DNS),
    ((OutOfTime, httpcore.TimeoutException), Fault.TIMEOUT),
    (httpcore.ConnectError, Fault.UNREACHABLE),
    (httpcore.ProtocolError, Fault.BAD_REPLY),
)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    # Not only __cause__: httpcore's pool raises again "from None", which empties it.
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__

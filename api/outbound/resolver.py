"""Looking a host name up, in bounded time."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Protocol

from api.outbound.addresses import IPAddress


class NameNotResolved(Exception):
    """The host name has no address, or nobody answered."""


class Resolve(Protocol):
    """A name service."""

    def __call__(self, host: str, seconds: float) -> tuple[IPAddress, ...]:
        """The addresses of a host name, of which there is at least one.

        Raises:
            NameNotResolved: there are none.
            TimeoutError: no answer came within `seconds`.
        """


def system_resolver(host: str, seconds: float) -> tuple[IPAddress, ...]:
    """The addresses the system knows, in its order of preference.

    getaddrinfo knows no time-out of its own (with glibc's defaults it takes up to 5 s x 2 tries x each name server), so
    it runs in a thread that is left behind when it takes too long; that thread ends with it.

    Raises:
        NameNotResolved: the name has no address, or it cannot be looked up.
        TimeoutError: no answer came within `seconds`.
    """
    answers: SimpleQueue[tuple[IPAddress, ...]] = SimpleQueue()
    Thread(target=lambda: answers.put(_addresses(host)), name="resolve", daemon=True).start()
    try:
        addresses = answers.get(timeout=seconds)
    except Empty:
        message = f"no answer within {seconds:.1f} s"
        raise TimeoutError(message) from None
    if not addresses:
        raise NameNotResolved
    return addresses


def _addresses(host: str) -> tuple[IPAddress, ...]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # UnicodeError: a label that is too long, or empty
        return ()
    return tuple(dict.fromkeys(ip_address(entry[4][0]) for entry in found))

"""A name service, a network and a client that reach nothing."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_address

import httpcore

from api.outbound.addresses import IPAddress
from api.outbound.client import OutboundClient
from api.outbound.resolver import NameNotResolved
from api.outbound.urls import UrlRules

PUBLIC = "93.184.215.14"
OTHER_PUBLIC = "2606:2800:21f:cb07:6820:80da:af6b:8b2c"
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00" + bytes(1000)
NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Loading the real ones takes 30 ms for each client; there is no TLS on these networks."""


class FakeNames:
    """Answers from a table; a list of answers is given one by one, the last for ever."""

    def __init__(self, table: Mapping[str, Sequence[Sequence[str]]]) -> None:
        self._table = {host: list(answers) for host, answers in table.items()}
        self.asked: list[str] = []

    def __call__(self, host: str, seconds: float) -> tuple[IPAddress, ...]:
        self.asked.append(host)
        try:
            return (ip_address(host),)
        except ValueError:
            answers = self._table.get(host, [])
        if not answers:
            raise NameNotResolved
        answer = answers[0] if len(answers) == 1 else answers.pop(0)
        return tuple(ip_address(text) for text in answer)


class RecordingNetwork(httpcore.NetworkBackend):
    """Takes note of every connection and gives each the next reply; addresses in `dead` take none."""

    def __init__(self, *replies: bytes, dead: Sequence[str] = ()) -> None:
        self._replies = list(replies)
        self._dead = dead
        self.connections: list[tuple[str, int]] = []

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        self.connections.append((host, port))
        if host in self._dead:
            raise httpcore.ConnectError
        return httpcore.MockStream([self._replies.pop(0)])


class Clock:
    """Moves only when told to."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


class TimedNetwork(RecordingNetwork):
    """Gives each connection the next list of pieces, each of which takes its seconds to come."""

    def __init__(self, clock: Clock, *conversations: list[tuple[float, bytes]]) -> None:
        super().__init__()
        self._clock = clock
        self._conversations = [list(pieces) for pieces in conversations]

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        self.connections.append((host, port))
        return _TimedStream(self._clock, self._conversations.pop(0))


class _TimedStream(httpcore.MockStream):
    def __init__(self, clock: Clock, pieces: list[tuple[float, bytes]]) -> None:
        super().__init__([])
        self._clock = clock
        self._pieces = pieces

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        seconds, piece = self._pieces[0] if self._pieces else (0.0, b"")
        if timeout is not None and seconds > timeout:
            self._clock.time += timeout
            raise httpcore.ReadTimeout
        self._clock.time += seconds
        return self._pieces.pop(0)[1] if self._pieces else piece


def reply(status: int = 200, body: bytes = WAV, **headers: str) -> bytes:
    """A whole HTTP reply. Underscores in names of headers stand for hyphens."""
    fields = {"content-length": str(len(body))} | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status} Reason", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def fake_client(network: RecordingNetwork, names: FakeNames, rules: UrlRules | None = None) -> OutboundClient:
    return OutboundClient(rules or UrlRules(), tls=NO_AUTHORITIES, resolve=names, connector=network)

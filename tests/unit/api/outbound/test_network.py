"""Connections that only lead to checked addresses."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

import httpcore
import pytest

from api.outbound.addresses import IPAddress
from api.outbound.network import WRITE_SIZE, GuardedBackend, WatchedStream
from api.outbound.watch import OutOfTime, Watch
from tests.unit.api.outbound.fakes import OTHER_PUBLIC, PUBLIC, Clock, FakeNames, RecordingNetwork, reply


class SlowConnector(httpcore.NetworkBackend):
    """Uses up the whole time-out of each try."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.timeouts: list[float | None] = []

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        self.timeouts.append(timeout)
        self._clock.time += timeout or 0.0
        raise httpcore.ConnectTimeout


def test_next_address_is_tried_where_one_takes_no_connection() -> None:
    network = RecordingNetwork(reply(), dead=[OTHER_PUBLIC])
    names = FakeNames({"two.example": [[OTHER_PUBLIC, PUBLIC]]})
    GuardedBackend(watch=Watch(10), resolve=names, connector=network).connect_tcp("two.example", 443).close()
    assert network.connections == [(OTHER_PUBLIC, 443), (PUBLIC, 443)]


def test_addresses_share_the_time_for_connecting() -> None:
    """A dead IPv6 route leaves IPv4 its half."""
    clock = Clock()
    connector = SlowConnector(clock)
    names = FakeNames({"two.example": [[OTHER_PUBLIC, PUBLIC]]})
    backend = GuardedBackend(watch=Watch(60, clock), resolve=names, connector=connector)
    with pytest.raises(httpcore.ConnectTimeout):
        backend.connect_tcp("two.example", 443, timeout=10)
    assert connector.timeouts == [5, 5]


def test_slow_name_service_leaves_less_time_for_connecting() -> None:
    clock = Clock()
    connector = SlowConnector(clock)

    def slow(host: str, seconds: float) -> tuple[IPAddress, ...]:
        assert seconds == 10
        clock.time += 7
        return (ip_address(PUBLIC),)

    backend = GuardedBackend(watch=Watch(60, clock), resolve=slow, connector=connector)
    with pytest.raises(httpcore.ConnectTimeout):
        backend.connect_tcp("slow.example", 443, timeout=10)
    assert connector.timeouts == [3]


def test_name_service_that_used_the_time_up_leaves_no_try() -> None:
    clock = Clock()
    connector = SlowConnector(clock)

    def late(host: str, seconds: float) -> tuple[IPAddress, ...]:
        clock.time += seconds
        return (ip_address(PUBLIC),)

    backend = GuardedBackend(watch=Watch(60, clock), resolve=late, connector=connector)
    with pytest.raises(httpcore.ConnectTimeout):
        backend.connect_tcp("late.example", 443, timeout=10)
    assert connector.timeouts == []


def test_name_service_without_an_answer_is_a_time_out_of_the_connection() -> None:
    def silent(host: str, seconds: float) -> tuple[IPAddress, ...]:
        raise TimeoutError

    backend = GuardedBackend(watch=Watch(60), resolve=silent, connector=RecordingNetwork())
    with pytest.raises(httpcore.ConnectTimeout):
        backend.connect_tcp("silent.example", 443, timeout=10)


class WrittenStream(httpcore.MockStream):
    def __init__(self, clock: Clock, seconds: float) -> None:
        super().__init__([])
        self._clock = clock
        self._seconds = seconds
        self.sizes: list[int] = []

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.sizes.append(len(buffer))
        self._clock.time += self._seconds


def test_long_write_is_held_to_the_deadline() -> None:
    """Each piece is taken just in time, again and again."""
    clock = Clock()
    stream = WrittenStream(clock, seconds=4)
    with pytest.raises(OutOfTime):
        WatchedStream(stream, Watch(10, clock)).write(bytes(WRITE_SIZE * 100), timeout=5)
    assert stream.sizes == [WRITE_SIZE] * 3


def test_everything_is_written() -> None:
    stream = WrittenStream(Clock(), seconds=0)
    WatchedStream(stream, Watch(10)).write(bytes(WRITE_SIZE + 1))
    assert stream.sizes == [WRITE_SIZE, 1]

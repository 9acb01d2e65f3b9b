"""How long a fetch may take, on a clock that moves only when a byte comes."""

from __future__ import annotations

import io
from typing import Any

import pytest

from api.outbound.client import OutboundClient
from api.outbound.errors import SourceTimeout, SourceTooSlow
from api.outbound.receiving import Fetched, FetchLimits
from api.outbound.urls import UrlRules
from tests.unit.api.outbound.fakes import NO_AUTHORITIES, PUBLIC, WAV, Clock, FakeNames, TimedNetwork, reply

URL = "https://recordings.example/a.wav"
LIMITS = FetchLimits(
    reply_seconds=60, read_seconds=30, total_seconds=7200, least_speed=10_000, speed_window=30, connect_seconds=10
)
HEAD = b"HTTP/1.1 200 OK\r\n\r\n" + WAV
LEADS_ON = reply(302, b"", location=URL)
FULL = bytes(60_000)
Pieces = list[tuple[float, bytes]]


class SlowDisk(io.BytesIO):
    """Takes 100 s for each write."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def write(self, data: Any) -> int:
        self._clock.time += 100
        return super().write(data)


def fetch(*conversations: Pieces, slow_disk: bool = False) -> Fetched:
    clock = Clock()
    client = OutboundClient(
        UrlRules(),
        tls=NO_AUTHORITIES,
        resolve=FakeNames({"recordings.example": [[PUBLIC]]}),
        connector=TimedNetwork(clock, *conversations),
        clock=clock,
    )
    return client.fetch(URL, SlowDisk(clock) if slow_disk else io.BytesIO(), limits=LIMITS)


def test_reply_that_begins_in_time_may_take_longer_to_end() -> None:
    assert fetch([(29, HEAD[:5]), (29, HEAD[5:]), *[(5.0, FULL)] * 100]).bytes == len(WAV) + 100 * len(FULL)


def test_reply_that_does_not_begin_in_time_is_a_time_out() -> None:
    with pytest.raises(SourceTimeout):
        fetch([(29, HEAD[:5]), (29, HEAD[5:10]), (29, HEAD[10:])])


def test_every_redirect_has_the_time_for_a_reply_again() -> None:
    assert fetch(*[[(29.0, LEADS_ON)]] * 3, [(29, HEAD)]).bytes == len(WAV)


def test_silence_is_a_time_out() -> None:
    with pytest.raises(SourceTimeout):
        fetch([(1, HEAD), (31, FULL)])


def test_steady_recording_that_takes_too_long_as_a_whole_is_too_slow() -> None:
    """60 kB each 5 s is above the least speed, for ever."""
    with pytest.raises(SourceTooSlow):
        fetch([(1, HEAD), *[(5.0, FULL)] * 1500])


def test_time_as_a_whole_holds_over_redirects() -> None:
    with pytest.raises(SourceTooSlow):
        fetch([(29, LEADS_ON)], [(29, HEAD), *[(5.0, FULL)] * 1430])
    assert fetch([(29, HEAD), *[(5.0, FULL)] * 1430]).bytes == len(WAV) + 1430 * len(FULL)


def test_speed_below_the_least_is_too_slow() -> None:
    with pytest.raises(SourceTooSlow):
        fetch([(1, HEAD), *[(7.0, FULL)] * 10])


def test_bytes_around_the_recording_do_not_count_as_silence() -> None:
    """A chunk extension without end holds no byte of the recording, and is too slow all the same."""
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;"
    with pytest.raises(SourceTooSlow):
        fetch([(1, head), *[(1.0, b"x")] * 100, (1, b"\r\nRI\xff\x00F\r\n0\r\n\r\n")])


def test_slow_disk_does_not_make_the_sender_slow() -> None:
    assert fetch([(1, HEAD), *[(1.0, FULL)] * 50], slow_disk=True).bytes == len(WAV) + 50 * len(FULL)

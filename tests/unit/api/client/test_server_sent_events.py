from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from api.client.server_sent_events import Event, parse_events

STREAM = (
    b'retry: 2000\n: hello\n\nevent: progress\ndata: {"a":1}\n\ndata: one\r\ndata:two\r\n\r\nevent: end\rdata: x\r\r'
)
EVENTS = [Event("progress", '{"a":1}'), Event("message", "one\ntwo"), Event("end", "x")]


@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=10).map(sorted))
def test_events_are_the_same_however_the_stream_is_cut(cuts: list[int]) -> None:
    """Here one byte more follows, as the last CR alone could be half of a CR LF."""
    edges = [0, *cuts, len(STREAM)]
    pieces = [STREAM[a:b] for a, b in pairwise(edges)]
    assert list(parse_events([*pieces, b":"])) == EVENTS


def test_an_event_that_breaks_off_is_none() -> None:
    assert list(parse_events([b"event: progress\ndata: {"])) == []
    assert list(parse_events([b"event: progress\ndata: {}\n"])) == []


def test_a_comment_alone_is_no_event() -> None:
    assert list(parse_events([b": still there\n\n", b"event: empty\n\n"])) == []


def test_text_may_hold_what_python_takes_for_line_ends() -> None:
    text = "a\u2028b\x85c\x0bd\x1ce"
    assert list(parse_events([f"data: {text}\n\n".encode()])) == [Event("message", text)]

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.formats.timeline_layout import Snippet, overlapped, panels, shares, snippets, tick_step, ticks, within
from pipeline.types import Diarization, Segment
from tests.unit.pipeline.formats.examples import said, transcript, turn
from tests.unit.pipeline.strategies import diarizations


@pytest.mark.parametrize(
    ("duration", "count", "span"),
    [(0.0, 1, 1.0), (120.0, 1, 120.0), (600.0, 2, 300.0), (7200.0, 8, 900.0), (36_000.0, 5, 7200.0)],
)
def test_long_recordings_have_several_panels(duration: float, count: int, span: float) -> None:
    found = panels(duration, text=False)
    assert (len(found), found[0].duration) == (count, span)


def test_panels_with_text_are_half_a_minute() -> None:
    assert panels(75.0, text=True) == (Segment(0, 30), Segment(30, 60), Segment(60, 75))


def test_a_small_rest_goes_onto_the_panel_before() -> None:
    assert panels(601.0, text=False) == (Segment(0, 300), Segment(300, 601))


@given(st.floats(0.0, 200_000.0), st.booleans())
def test_panels_cover_the_recording_without_gaps(duration: float, text: bool) -> None:
    found = panels(min(duration, 600.0) if text else duration, text=text)
    assert found[0].start == 0
    assert found[-1].end == max(1.0, min(duration, 600.0) if text else duration)
    assert all(before.end == after.start for before, after in pairwise(found))
    assert text or len(found) <= 8


@given(st.floats(1.0, 200_000.0))
def test_ticks_are_few_and_on_round_times(span: float) -> None:
    instants = ticks(Segment(0.0, span), span)
    assert 1 <= len(instants) <= 13
    assert all(instant % tick_step(span) == 0 for instant in instants)


def test_overlap_is_where_two_talk_at_once() -> None:
    turns = [turn(0, 4, "A"), turn(3, 6, "B"), turn(3.5, 5, "C"), turn(6, 7, "A")]
    assert overlapped(turns) == (Segment(3, 5),)


@given(diarizations())
def test_exclusive_turns_never_overlap(diarization: Diarization) -> None:
    assert overlapped(diarization.exclusive) == ()


def test_shares_are_of_all_talk() -> None:
    whole = transcript(turns=[turn(0, 3, "A"), turn(2, 3, "B")])
    assert [(item.label, item.seconds, item.share) for item in shares(whole)] == [("A", 3, 0.75), ("B", 1, 0.25)]


def test_only_what_lies_on_the_panel_is_drawn() -> None:
    assert within([Segment(0, 2), Segment(2, 9), Segment(9, 10)], Segment(1, 5)) == (Segment(1, 2), Segment(2, 5))


def test_a_snippet_has_room_until_the_same_speaker_goes_on() -> None:
    talk = [said("one two", 0.0, 4.0), said("and", 1.0, 2.0, "SPEAKER_01"), said("three", 5.0, 6.0)]
    assert snippets(talk, Segment(2, 10)) == (
        Snippet("SPEAKER_00", 2.0, 3.0, "two"),
        Snippet("SPEAKER_00", 5.0, 5.0, "three"),
    )

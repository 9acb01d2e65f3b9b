from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.alignment.timing import UntimedWord, settle
from pipeline.types import Segment, Timing

CHUNK = Segment(10.0, 20.0)


def words(*places: tuple[float, float] | None) -> list[UntimedWord]:
    return [
        UntimedWord(f"w{n}", 0.5, None if place is None else Segment(*place), Timing.ALIGNED)
        for n, place in enumerate(places)
    ]


def spans(*places: tuple[float, float] | None) -> list[tuple[float, float]]:
    return [(word.start, word.end) for word in settle(words(*places), CHUNK)]


@given(
    st.lists(st.none() | st.tuples(st.floats(-5, 40), st.floats(-5, 40)), max_size=60),
    st.floats(0, 20),
    st.floats(0.03, 28),
)
def test_every_word_starts_before_it_ends_inside_the_chunk_and_after_the_one_before(
    places: list[tuple[float, float] | None], start: float, length: float
) -> None:
    """Whatever an aligner says."""
    chunk = Segment(start, start + length)
    timed = settle(words(*places), chunk)
    assert len(timed) == len(places)
    assert all(chunk.start <= word.start < word.end <= chunk.end + 1e-9 for word in timed)
    assert all(before.start < after.start for before, after in pairwise(timed))
    assert all(before.end <= after.start for before, after in pairwise(timed))


def test_good_places_are_kept() -> None:
    assert spans((10.5, 11.0), (11.0, 11.5), (15.0, 15.4)) == [(10.5, 11.0), (11.0, 11.5), (15.0, 15.4)]


def test_words_without_a_place_share_the_gap_and_say_so() -> None:
    timed = settle(words((10.0, 11.0), None, None, (11.4, 12.0)), CHUNK)
    assert [(word.start, word.end) for word in timed[1:3]] == [
        pytest.approx((11.0, 11.2)),
        pytest.approx((11.2, 11.4)),
    ]
    assert [word.timing for word in timed] == [
        Timing.ALIGNED,
        Timing.INTERPOLATED,
        Timing.INTERPOLATED,
        Timing.ALIGNED,
    ]


def test_a_word_without_a_place_is_not_stretched_over_silence() -> None:
    assert spans((10.0, 11.0), None, (18.0, 19.0))[1] == (11.0, 11.5)


def test_a_first_word_without_a_place_stays_close_to_the_next() -> None:
    assert spans(None, (18.0, 19.0))[0] == (17.5, 18.0)


def test_no_words_give_no_words() -> None:
    assert settle([], CHUNK) == ()

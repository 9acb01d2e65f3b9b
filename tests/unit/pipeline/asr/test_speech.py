from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.asr.speech import SpeechClock
from pipeline.types import Segment

TIMES = st.floats(0, 100)


@given(st.lists(st.tuples(TIMES, st.floats(0.01, 5)), max_size=20), TIMES, TIMES)
def test_counts_each_instant_of_speech_once(regions: list[tuple[float, float]], one: float, other: float) -> None:
    """Regions that overlap count once: compared with a grid of instants."""
    speech = [Segment(start, start + length) for start, length in regions]
    span = Segment(min(one, other), max(one, other))
    step = 0.01
    instants = [span.start + step * (k + 0.5) for k in range(int(span.duration / step))]
    counted = step * sum(any(region.start <= t < region.end for region in speech) for t in instants)
    assert SpeechClock(speech).seconds(span) == pytest.approx(counted, abs=step * (2 * len(speech) + 2))


def test_without_speech_the_clock_stands_still() -> None:
    assert SpeechClock([]).seconds(Segment(0, 10)) == 0.0


@pytest.mark.parametrize(
    ("word", "trimmed"),
    [
        ((0.5, 3.0), (0.5, 1.0)),
        ((0.9, 6.0), (5.0, 6.0)),
        ((4.0, 5.5), (5.0, 5.5)),
        ((2.0, 3.0), (2.0, 3.0)),
        ((5.2, 5.4), (5.2, 5.4)),
    ],
    ids=["into a pause", "over a pause", "before an onset", "outside speech", "inside speech"],
)
def test_a_word_is_trimmed_to_the_speech_it_shares_most_with(
    word: tuple[float, float], trimmed: tuple[float, float]
) -> None:
    clock = SpeechClock([Segment(0, 1), Segment(5, 7)])
    assert clock.trimmed(Segment(*word)) == Segment(*trimmed)


def test_speech_outside_the_span_does_not_count() -> None:
    clock = SpeechClock([Segment(0, 1), Segment(5, 6)])
    assert clock.seconds(Segment(2, 4)) == 0.0
    assert clock.seconds(Segment(0.5, 5.25)) == pytest.approx(0.75)

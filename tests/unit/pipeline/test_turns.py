from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipeline.turns import first_come
from pipeline.types import Turn

spoken = st.lists(
    st.builds(
        lambda start, length, speaker: Turn(start=start, end=start + length, speaker=speaker),
        st.floats(0, 100),
        st.floats(0, 30),
        st.sampled_from("AB"),
    ),
    max_size=12,
)


@given(spoken)
def test_at_most_one_has_the_floor(turns: list[Turn]) -> None:
    kept = first_come(turns)
    assert all(before.end <= after.start for before, after in pairwise(kept))
    assert all(turn.start < turn.end for turn in kept)


@given(spoken)
def test_every_instant_of_speech_stays_somebodys(turns: list[Turn]) -> None:
    kept = first_come(turns)
    for turn in turns:
        if turn.duration:
            middle = turn.segment.middle
            assert any(one.start <= middle <= one.end for one in kept)


def test_whoever_began_first_keeps_the_floor() -> None:
    turns = [
        Turn(start=3, end=9, speaker="B", channel=1),
        Turn(start=0, end=5, speaker="A"),
        Turn(start=1, end=2, speaker="B"),
    ]
    assert first_come(turns) == (Turn(start=0, end=5, speaker="A"), Turn(start=5, end=9, speaker="B", channel=1))

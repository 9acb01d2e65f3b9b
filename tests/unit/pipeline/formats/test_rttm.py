from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given

from pipeline.errors import MalformedFile
from pipeline.formats import rttm
from pipeline.formats.clock import on_grid
from pipeline.formats.tokens import speaker_tokens
from pipeline.types import Diarization, Turn
from tests.unit.pipeline.formats.examples import CONVERSATION, transcript, turn
from tests.unit.pipeline.strategies import diarizations


def test_a_turn_is_one_line_of_ten_fields_with_its_duration() -> None:
    text = rttm.encode(transcript(turns=[turn(1.25, 3.5)], uri="my call"))
    assert text == "SPEAKER my_call 1 1.250 2.250 <NA> <NA> SPEAKER_00 <NA> <NA>\n"


def test_the_channel_counts_from_one() -> None:
    text = rttm.encode_turns([Turn(start=0, end=1, speaker="A", channel=1)], "x")
    assert text.split()[2] == "2"


def test_nobody_speaking_is_an_empty_file() -> None:
    assert rttm.encode(transcript()) == ""


def test_exclusive_turns_can_be_written_instead() -> None:
    assert rttm.encode(CONVERSATION).count("\n") == 4
    assert rttm.encode_exclusive(CONVERSATION).count("\n") == 3


@given(diarizations())
def test_turns_come_back_to_the_millisecond(diarization: Diarization) -> None:
    """Those too short for the grid are gone; labels come back without white space."""
    fields = speaker_tokens(item.speaker for item in diarization.turns)
    grid = [(on_grid(item.start), on_grid(item.end), fields[item.speaker]) for item in diarization.turns]
    wanted = sorted(entry for entry in grid if entry[1] > entry[0])
    read = rttm.parse(rttm.encode_turns(diarization.turns, "x")).get("x", ())
    assert sorted((item.start, item.end, item.speaker) for item in read) == wanted


@given(diarizations())
def test_what_was_read_is_written_the_same(diarization: Diarization) -> None:
    text = rttm.encode_turns(diarization.turns, "x")
    assert rttm.encode_turns(rttm.parse(text).get("x", ()), "x") == text


@given(diarizations())
def test_exclusive_turns_never_overlap_after_reading(diarization: Diarization) -> None:
    """Start plus duration must not pass the next start by a rounding error."""
    read = rttm.parse(rttm.encode_turns(diarization.exclusive, "x")).get("x", ())
    assert all(item.duration > 0 for item in read)
    assert all(before.end <= after.start for before, after in pairwise(read))


def test_any_white_space_separates_and_other_lines_are_passed_over() -> None:
    text = (
        ";; a comment\nSPKR-INFO x 1 <NA> <NA> <NA> unknown A <NA> <NA>\n"
        "SPEAKER\tx  1\t2.5   1 <NA> <NA>  B\r\n\nSPEAKER y 1 0 1 <NA> <NA> A <NA> <NA>\n"
    )
    assert rttm.parse(text) == {"x": (turn(2.5, 3.5, "B"),), "y": (turn(0, 1, "A"),)}


def test_channels_are_told_apart_where_there_are_several() -> None:
    text = "SPEAKER x 1 0 1 <NA> <NA> A\nSPEAKER x 2 1 1 <NA> <NA> B\n"
    assert [item.channel for item in rttm.parse(text)["x"]] == [0, 1]


@pytest.mark.parametrize(
    "line",
    [
        "SPEAKER x 1 0 1",
        "SPEAKER x 1 zero 1 <NA> <NA> A",
        "SPEAKER x left 0 1 <NA> <NA> A",
        "SPEAKER x 1 0 -1 <NA> <NA> A",
        "SPEAKER x 1 nan 1 <NA> <NA> A",
    ],
)
def test_a_line_that_cannot_be_read_is_named(line: str) -> None:
    with pytest.raises(MalformedFile, match="line 2"):
        rttm.parse(f"\n{line}\n")

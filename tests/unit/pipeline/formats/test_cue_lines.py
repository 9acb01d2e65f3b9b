from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.formats.cue_lines import fits, split_lines

ROOM = (20, 20)


def test_what_fits_one_line_stays_on_one_line() -> None:
    assert split_lines(["short", "enough"], ROOM) == ("short enough",)


def test_two_lines_are_of_like_length() -> None:
    assert split_lines(["one", "two", "three", "four", "five"], ROOM) == ("one two three", "four five")


def test_a_line_ends_at_punctuation_where_that_is_near() -> None:
    assert split_lines(["well,", "then", "we", "shall", "go", "now"], ROOM) == ("well, then we", "shall go now")
    assert split_lines(["well", "then,", "we", "shall", "go", "now"], ROOM) == ("well then,", "we shall go now")


def test_the_first_line_may_have_less_room() -> None:
    assert split_lines(["one", "two", "three", "four"], (7, 20)) == ("one two", "three four")


def test_a_word_without_room_stands_alone() -> None:
    assert split_lines(["a", "b" * 30, "c"], ROOM) == ("a", "b" * 30, "c")


@given(st.lists(st.text("ab.,", min_size=1, max_size=20), min_size=1, max_size=12))
def test_no_line_is_too_long_and_no_word_is_lost(words: list[str]) -> None:
    lines = split_lines(words, ROOM)
    assert " ".join(lines).split() == words
    assert all(len(line) <= 20 for line in lines)
    assert (len(lines) <= 2) == fits(words, ROOM)

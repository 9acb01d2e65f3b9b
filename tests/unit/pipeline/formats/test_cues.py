from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given

from pipeline.formats.cues import Cue, CueLimits, build_cues
from pipeline.formats.printable import printable
from pipeline.types import Transcript, Utterance
from tests.unit.pipeline.formats.examples import said, spoken
from tests.unit.pipeline.strategies import transcripts

LIMITS = CueLimits()


def cues_of(*utterances: Utterance) -> list[Cue]:
    return list(build_cues(utterances, LIMITS, name_in_text=False))


def texts(cues: list[Cue]) -> list[str]:
    return [" ".join(cue.lines) for cue in cues]


def test_a_short_utterance_is_one_cue() -> None:
    assert cues_of(said("Hello there.", 1.0, 2.5)) == [
        Cue(start=1000, end=2500, speaker="SPEAKER_00", lines=("Hello there.",))
    ]


def test_a_long_utterance_is_cut_at_sentence_ends() -> None:
    first = "It was raining when we came home that night from town."
    second = "Nobody had thought of taking an umbrella along at all."
    assert texts(cues_of(said(f"{first} {second}", 0.0, 10.0))) == [first, second]


def test_without_sentence_ends_it_is_cut_at_a_pause() -> None:
    before = spoken("so we went on and on until the evening and then", 0.0, 4.0)
    after = spoken("there was this house on the hill that nobody knew", 4.8, 8.0)
    whole = Utterance(speaker="SPEAKER_00", words=(*before, *after))
    assert texts(cues_of(whole)) == [
        "so we went on and on until the evening and then",
        "there was this house on the hill that nobody knew",
    ]


def test_no_single_word_is_left_over_for_a_cue_of_its_own() -> None:
    """Filling each cue to the brim would leave "go" alone."""
    text = "we thought about it for quite some time and in the end all of us decided that we would go"
    cues = cues_of(said(text, 0.0, 6.0))
    assert len(cues) == 2
    assert all(len(cue.lines) == 2 or len(cue.lines[0].split()) > 2 for cue in cues)


def test_a_slow_speaker_is_cut_before_seven_seconds() -> None:
    cues = cues_of(said("one two three four five six", 0.0, 18.0))
    assert all(cue.end - cue.start <= 7000 for cue in cues)


def test_a_word_longer_than_seven_seconds_leaves_the_screen() -> None:
    assert [cue.end for cue in cues_of(said("Nooo", 1.0, 60.0))] == [8000]


def test_a_short_cue_stays_for_a_second_where_nothing_follows() -> None:
    assert [cue.end for cue in cues_of(said("Yes.", 1.0, 1.2))] == [2000]


def test_a_short_cue_leaves_when_the_next_one_comes() -> None:
    cues = cues_of(said("Yes.", 1.0, 1.2), said("And you?", 1.5, 3.0, "SPEAKER_01"))
    assert [(cue.start, cue.end) for cue in cues] == [(1000, 1500), (1500, 3000)]


def test_people_who_talk_at_once_have_cues_at_once() -> None:
    cues = cues_of(said("I was going to say that", 0.0, 4.0), said("Sorry.", 1.0, 3.0, "SPEAKER_01"))
    assert [(cue.start, cue.end) for cue in cues] == [(0, 4000), (1000, 3000)]


def test_a_word_too_long_for_a_line_is_cut() -> None:
    cues = cues_of(said("x" * 100, 0.0, 2.0))
    assert "".join(line for cue in cues for line in cue.lines) == "x" * 100
    assert all(len(line) <= 42 for cue in cues for line in cue.lines)


def test_room_is_left_for_the_name() -> None:
    utterance = said("The quick brown fox jumps over the lazy dog once more today", 0.0, 4.0, "Professor Doe")
    for cue in build_cues([utterance], LIMITS, name_in_text=True):
        assert len("Professor Doe: " + cue.lines[0]) <= 42


def test_words_out_of_order_in_time_still_give_cues_in_order() -> None:
    words = spoken("this goes on for a while and. then it comes back before it began.", 5.0, 9.0)
    moved = tuple(
        replace(word, start=word.start - 3, end=word.end - 3) if n > 6 else word for n, word in enumerate(words)
    )
    cues = cues_of(Utterance(speaker="SPEAKER_00", words=moved))
    assert all(before.end <= after.start for before, after in pairwise(cues))


@pytest.mark.parametrize("name_in_text", [False, True])
@given(whole=transcripts())
def test_cues_can_be_read_and_lose_nothing(name_in_text: bool, whole: Transcript) -> None:
    cues = build_cues(whole.utterances, LIMITS, name_in_text=name_in_text)
    assert all(0 < cue.end - cue.start <= 7000 for cue in cues)
    assert all(before.start <= after.start for before, after in pairwise(cues))
    assert all(1 <= len(cue.lines) <= 2 and all(0 < len(line) <= 42 for line in cue.lines) for cue in cues)
    shown = "".join(line for cue in cues for line in cue.lines)
    written = printable("".join(word.text for word in whole.words))
    assert sorted("".join(shown.split())) == sorted("".join(written.split()))

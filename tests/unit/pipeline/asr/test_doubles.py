"""What is written twice in a row: the audio tells how often it was said."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from pipeline.alignment.aligner import AlignedWord
from pipeline.asr.backend import HeardWord
from pipeline.asr.doubles import SHORTEST, find_double, said_once
from pipeline.asr.judging import Judged
from pipeline.asr.pieces import Piece
from pipeline.types import FloatArray, Segment
from pipeline.waveform import Waveform

CHUNK = Segment(10.0, 30.0)
SENTENCE = "a mob without any man at its head"
WAVEFORM = Waveform.of(np.zeros(40 * 16000, np.float32))


class Ear:
    """`ForcedAligner` that knows how many words there are to hear: each one too many or too few costs a little."""

    name = "ear"
    languages = frozenset({"en"})

    def __init__(self, words: int, cost: float = 0.1, room: int = 1000) -> None:
        self.words = words
        self.cost = cost
        self.room = room
        self.asked = 0

    def align(self, samples: FloatArray, words: Sequence[str]) -> list[AlignedWord | None] | None:
        assert len(samples) == round(CHUNK.duration * 16000)
        self.asked += 1
        if len(words) > self.room:
            return None
        score = -self.cost * abs(len(words) - self.words)
        return [None if word == "—" else AlignedWord(0.5 * n, 0.5 * n + 0.4, score) for n, word in enumerate(words)]


def piece(text: str) -> Piece:
    words = tuple(HeardWord(text=word, tokens=(len(word),), probability=0.9) for word in text.split())
    return Piece(
        span=CHUNK,
        text=text,
        tokens=tuple(len(word.text) for word in words),
        words=words,
        avg_logprob=-0.2,
        no_speech_prob=0.0,
        temperature=0.0,
    )


def judged(*texts: str) -> Judged:
    return Judged(chunk=CHUNK, pieces=tuple(piece(text) for text in texts), dropped=())


@pytest.mark.parametrize(
    ("text", "copy"),
    [
        (f"{SENTENCE} {SENTENCE}", range(8, 16)),
        (f"and so {SENTENCE} {SENTENCE} then", range(10, 18)),
        ("A mob, without any man at its head. A mob without any man at its head!", range(8, 16)),
        (f"{SENTENCE} {SENTENCE} {SENTENCE}", range(8, 16)),
        (f"{SENTENCE} and {SENTENCE}", None),
        ("tear down the fence tear down the fence", None),
        ("one two three four five six one two three four five seven", None),
        ("", None),
    ],
)
def test_a_sentence_that_comes_twice_in_a_row_is_found(text: str, copy: range | None) -> None:
    assert find_double(text.split()) == copy


def test_the_shortest_sentence_is_found_and_no_shorter_one() -> None:
    words = [str(number) for number in range(SHORTEST)]
    assert find_double([*words, *words]) == range(SHORTEST, 2 * SHORTEST)
    assert find_double([*words[1:], *words[1:]]) is None


def test_what_was_said_once_is_kept_once_and_the_rest_recorded() -> None:
    found = said_once(judged(f"But {SENTENCE} {SENTENCE} he said"), WAVEFORM, Ear(words=11))
    (kept,) = found.pieces
    assert kept.text == f"But {SENTENCE} he said"
    assert [word.text for word in kept.words] == kept.text.split()
    assert kept.tokens == tuple(len(word) for word in kept.text.split())
    (dropped,) = found.dropped
    assert (dropped.text, dropped.reason) == (SENTENCE, "repetition")
    assert (dropped.start, dropped.end) == pytest.approx((10.5, 14.4))


def test_what_was_said_twice_stays() -> None:
    twice = judged(f"But {SENTENCE} {SENTENCE} he said")
    assert said_once(twice, WAVEFORM, Ear(words=19)) == twice


def test_what_may_have_been_said_twice_stays() -> None:
    twice = judged(f"{SENTENCE} {SENTENCE}")
    assert said_once(twice, WAVEFORM, Ear(words=8, cost=0.06)) == twice
    assert said_once(twice, WAVEFORM, Ear(words=8, cost=0.065)) != twice


def test_a_copy_that_does_not_fit_into_the_audio_was_not_said() -> None:
    assert said_once(judged(f"{SENTENCE} {SENTENCE}"), WAVEFORM, Ear(words=8, room=10)).pieces[0].text == SENTENCE


def test_where_nothing_can_be_aligned_nothing_is_taken_out() -> None:
    twice = judged(f"{SENTENCE} {SENTENCE}")
    assert said_once(twice, WAVEFORM, Ear(words=8, room=0)) == twice


def test_of_three_copies_those_go_that_were_not_said() -> None:
    thrice = judged(f"{SENTENCE} {SENTENCE} {SENTENCE}")
    assert said_once(thrice, WAVEFORM, Ear(words=8)).pieces[0].text == SENTENCE
    assert said_once(thrice, WAVEFORM, Ear(words=16)).pieces[0].text == f"{SENTENCE} {SENTENCE}"
    assert said_once(thrice, WAVEFORM, Ear(words=24)) == thrice


def test_a_copy_goes_from_the_pieces_that_it_lies_in() -> None:
    words = SENTENCE.split()
    found = said_once(
        judged("Well.", SENTENCE, " ".join(words[:5]), " ".join([*words[5:], "he", "said"])), WAVEFORM, Ear(words=11)
    )
    assert [one.text for one in found.pieces] == ["Well.", SENTENCE, "he said"]


def test_text_without_a_double_is_not_aligned_for_it() -> None:
    ear = Ear(words=8)
    plain = judged(SENTENCE)
    assert said_once(plain, WAVEFORM, ear) is plain
    assert ear.asked == 0

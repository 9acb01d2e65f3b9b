"""Answers against truth."""

from __future__ import annotations

import pytest

from benchmarks.protocol import Answer, FoundTurn, FoundWord
from benchmarks.scoring import score, typical
from pipeline.evaluation import Recording, SpokenWord
from pipeline.types import Turn

TRUTH = Recording(
    uri="talk",
    turns=(Turn(start=0.0, end=4.0, speaker="A"), Turn(start=4.0, end=8.0, speaker="B")),
    words=tuple(
        SpokenWord(text=text, start=2.0 * place, end=2.0 * place + 1, speaker=speaker)
        for place, (text, speaker) in enumerate([("good", "A"), ("morning", "A"), ("thank", "B"), ("you", "B")])
    ),
)
TURNS = (FoundTurn(start=0.0, end=4.2, speaker="x"), FoundTurn(start=4.2, end=8.0, speaker="y"))


def words(*said: tuple[str, str | None]) -> tuple[FoundWord, ...]:
    return tuple(
        FoundWord(text=text, start=float(place), end=place + 1.0, speaker=speaker)
        for place, (text, speaker) in enumerate(said)
    )


def test_boundary_within_the_collar_is_forgiven() -> None:
    quality = score([TRUTH], [Answer(turns=TURNS)])
    assert quality.der == pytest.approx(0.2 / 8)
    assert quality.der25 == 0
    assert quality.speakers_off == 0


def test_deletions_and_insertions_are_told_apart() -> None:
    quality = score([TRUTH], [Answer(words=words(("good", None), ("morning", None), ("indeed", None), ("you", None)))])
    assert quality.wer == pytest.approx(1 / 4)
    quality = score([TRUTH], [Answer(words=words(("good", None), ("you", None)))])
    assert (quality.deletions, quality.insertions) == (2, 0)


def test_words_without_speakers_have_no_cpwer() -> None:
    assert score([TRUTH], [Answer(words=words(("good", None)))]).cpwer is None


def test_word_of_the_wrong_speaker_counts_twice() -> None:
    said = words(("good", "x"), ("morning", "x"), ("thank", "x"), ("you", "y"))
    assert score([TRUTH], [Answer(turns=TURNS, words=said)]).cpwer == pytest.approx(2 / 4)


def test_what_was_not_looked_for_has_no_score() -> None:
    quality = score([TRUTH], [Answer()])
    assert (quality.wer, quality.der, quality.der25, quality.speakers_off) == (None, None, None, None)


def test_errors_add_up_over_recordings() -> None:
    """A long recording weighs more than a short one."""
    short = Recording(uri="short", words=(SpokenWord(text="yes", start=0.0, end=1.0),))
    every = words(("good", None), ("morning", None), ("thank", None), ("you", None))
    assert score([TRUTH, short], [Answer(words=every), Answer(words=())]).wer == pytest.approx(1 / 5)


def test_every_recording_needs_an_answer() -> None:
    with pytest.raises(ValueError, match="shorter"):
        score([TRUTH], [])


def test_errors_of_who_draws_by_chance_are_medians() -> None:
    every = [score([TRUTH], [Answer(words=words(*[("good", None)] * place))]) for place in (1, 2, 4)]
    assert typical(every).wer == sorted(quality.wer or 0 for quality in every)[1]
    assert typical(every).der is None

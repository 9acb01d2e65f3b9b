"""Figures worked out by hand, so that a metric that means something else than its name is found."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pipeline.errors import MissingDependency
from pipeline.evaluation import (
    EvaluationOptions,
    Recording,
    Scores,
    SpokenWord,
    diarization_errors,
    evaluate,
    normalizer,
    speaker_errors,
    speaker_word_errors,
    time_errors,
    word_errors,
)
from pipeline.types import Segment
from tests.unit.pipeline.formats.examples import CONVERSATION, turn

ENGLISH = normalizer("en")


def said(*parts: tuple[str | None, str], late: float = 0.0) -> tuple[SpokenWord, ...]:
    """Words of (speaker, text) parts, one a second, each half a second long."""
    words = [(speaker, word) for speaker, text in parts for word in text.split()]
    return tuple(
        SpokenWord(text=word, start=number + late, end=number + 0.5 + 2 * late, speaker=speaker)
        for number, (speaker, word) in enumerate(words)
    )


REFERENCE = (turn(0, 10, "ann"), turn(10, 20, "bob"))


def test_a_perfect_diarization_has_no_error_whatever_the_labels() -> None:
    errors = diarization_errors(REFERENCE, (turn(0, 10, "x"), turn(10, 20, "y")))
    assert (errors.der, errors.jer, errors.count_error) == (0.0, 0.0, 0)


def test_miss_false_alarm_and_confusion_are_told_apart() -> None:
    """2 s of ann are missed, bob goes on 1 s too long, and 3 s of ann go to bob."""
    errors = diarization_errors(REFERENCE, (turn(2, 7, "x"), turn(7, 21, "y")))
    assert (errors.miss, errors.false_alarm, errors.confusion) == (2.0, 1.0, 3.0)
    assert errors.der == pytest.approx(6 / 20)


def test_overlapped_speech_counts_once_for_each_speaker() -> None:
    errors = diarization_errors((turn(0, 10, "ann"), turn(5, 10, "bob")), (turn(0, 10, "x"),))
    assert (errors.total, errors.miss) == (15.0, 5.0)
    skipped = diarization_errors((turn(0, 10, "ann"), turn(5, 10, "bob")), (turn(0, 10, "x"),), skip_overlap=True)
    assert (skipped.total, skipped.miss) == (5.0, 0.0)


def test_the_collar_is_left_out_on_each_side_of_a_boundary() -> None:
    """An edge 0.2 s off is an error without a collar and none with 0.25 s; 19 s of reference are left."""
    guess = (turn(0, 10.2, "x"), turn(10.2, 20, "y"))
    assert diarization_errors(REFERENCE, guess).confusion == pytest.approx(0.2)
    forgiven = diarization_errors(REFERENCE, guess, collar=0.25)
    assert forgiven.confusion == 0.0
    assert forgiven.total == pytest.approx(19.0)


def test_only_scored_stretches_count() -> None:
    errors = diarization_errors(REFERENCE, (turn(0, 10, "x"),), scored=[Segment(0, 15)])
    assert (errors.total, errors.miss) == (15.0, 5.0)


def test_jaccard_error_is_the_mean_over_reference_speakers() -> None:
    """ann: 8 of 10 s found, none too many: 0.2. bob is not found at all: 1."""
    errors = diarization_errors(REFERENCE, (turn(0, 8, "x"),))
    assert errors.jer == pytest.approx((0.2 + 1.0) / 2)
    assert (errors.speakers, errors.speakers_found, errors.count_error) == (2, 1, 1)


def test_without_reference_speech_there_is_no_rate() -> None:
    errors = diarization_errors((), (turn(0, 1, "x"),))
    assert (errors.der, errors.jer, errors.false_alarm) == (None, None, 1.0)


def test_word_errors_are_counted_after_normalization() -> None:
    """Fillers, case, punctuation and spelling do not count; "a" for "the" and "old" for "car" do."""
    reference = said(("ann", "Um, I like the colour of your car"))
    guess = said(("x", "i like a color of Your, old"))
    errors = word_errors(reference, guess, ENGLISH)
    assert (errors.length, errors.errors) == (7, 2)


def test_numbers_of_several_words_are_one() -> None:
    assert word_errors(said(("a", "twenty one")), said(("a", "21")), ENGLISH).errors == 0


def test_languages_without_spaces_are_compared_by_letter() -> None:
    errors = word_errors(said(("a", "東京都")), said(("a", "東京")), normalizer("ja"))
    assert (errors.deletions, errors.length) == (1, 3)


def test_nothing_said_and_something_heard_is_all_insertions() -> None:
    errors = word_errors((), said(("x", "thanks for watching")), ENGLISH)
    assert (errors.insertions, errors.length, errors.wer) == (3, 0, None)


def test_a_word_with_the_wrong_speaker_is_two_errors_for_cpwer() -> None:
    """One too few for ann and one too many for bob; the words themselves are right."""
    reference = said(("ann", "one more time"), ("bob", "yes please"))
    guess = said(("x", "one more"), ("y", "time yes please"))
    assert word_errors(reference, guess, ENGLISH).errors == 0
    errors = speaker_word_errors(reference, guess, ENGLISH)
    assert (errors.deletions, errors.insertions, errors.length) == (1, 1, 5)


def test_words_of_nobody_count_as_one_more_speaker_for_cpwer() -> None:
    reference = said(("ann", "one more time"))
    assert speaker_word_errors(reference, said(("x", "one more"), (None, "time")), ENGLISH).errors == 2


def test_wde_is_the_share_of_right_words_with_the_wrong_speaker() -> None:
    """Of six words five are recognized; one of these five is with the wrong speaker."""
    reference = said(("ann", "one more time"), ("bob", "yes please now"))
    guess = said(("x", "one more"), ("y", "time yes please cow"))
    errors = speaker_errors(reference, guess, ENGLISH)
    assert (errors.wrong, errors.words, errors.wde) == (1, 5, 0.2)


def test_the_mapping_of_speakers_is_one_to_one() -> None:
    """Both of ann's labels cannot be ann: the smaller half of her words is wrong."""
    reference = said(("ann", "one two three four five"))
    guess = said(("x", "one two three"), ("y", "four five"))
    assert speaker_errors(reference, guess, ENGLISH).wrong == 2


def test_the_mapping_is_the_best_of_all_and_not_the_greedy_one() -> None:
    """Were x taken for ann (3 words), y would have nobody; x is bob (3) and y is ann (2), so that 5 of 8 agree."""
    reference = said(("ann", "red green blue black white"), ("bob", "dog cat cow"))
    guess = said(("x", "red green blue"), ("y", "black white"), ("x", "dog cat cow"))
    assert speaker_errors(reference, guess, ENGLISH).wrong == 3


def test_a_word_without_a_speaker_is_wrong() -> None:
    assert speaker_errors(said(("ann", "one")), said((None, "one")), ENGLISH).wde == 1.0


def test_word_times_are_compared_for_matched_words_only() -> None:
    reference = said(("ann", "one more time please"))
    errors = time_errors(reference, said((None, "one gore time please"), late=0.25), ENGLISH)
    assert errors.starts == pytest.approx((0.25, 0.25, 0.25))
    assert errors.ends == pytest.approx((0.5, 0.5, 0.5))


def test_a_transcript_scores_against_itself_without_error() -> None:
    recording = Recording.of(CONVERSATION)
    figures = evaluate(recording, recording).figures()
    assert [figures[name] for name in ("der", "jer", "wer", "cpwer", "start_p95")] == [0.0, 0.0, 0.0, 0.0, 0.0]
    # Its one word that belongs to nobody is a filler, which normalization drops.
    assert (figures["wde"], figures["words"], figures["speakers_found"]) == (0.0, 11, 2)


def test_what_is_not_known_on_both_sides_is_not_scored() -> None:
    words = said((None, "one two"))
    scores = evaluate(Recording(uri="x", turns=REFERENCE, words=words), Recording(uri="x", words=words))
    assert scores.diarization is None
    assert scores.speaker_words is None
    assert scores.times is None
    assert scores.figures()["wer"] == 0.0
    assert scores.figures()["der"] is None


def test_times_of_a_part_of_the_words_are_not_compared() -> None:
    """Words that the reference did not time would be matched with others, seconds away."""
    words = said(("ann", "one two three four"))
    guess = Recording(uri="x", words=words, timed=words)
    whole = evaluate(Recording(uri="x", words=words, timed=words), guess)
    part = evaluate(Recording(uri="x", words=words, timed=words[:2]), guess)
    assert whole.times is not None
    assert part.times is None


def test_totals_weigh_recordings_by_their_length() -> None:
    long = evaluate(Recording(uri="a", turns=(turn(0, 90, "x"),)), Recording(uri="a", turns=(turn(0, 90, "x"),)))
    short = evaluate(Recording(uri="b", turns=(turn(0, 10, "x"),)), Recording(uri="b", turns=()))
    total = Scores.total([long, short]).figures()
    assert total["der"] == pytest.approx(0.1)
    assert total["speaker_count_error"] == 0.5


def test_figures_have_the_same_names_whatever_is_known() -> None:
    empty = Scores(uri="x").figures()
    full = evaluate(Recording.of(CONVERSATION), Recording.of(CONVERSATION)).figures()
    assert list(empty) == list(full)
    assert set(empty.values()) == {None}


def test_the_collar_reaches_the_score() -> None:
    truth = Recording(uri="x", turns=REFERENCE)
    guess = Recording(uri="x", turns=(turn(0, 10.2, "x"), turn(10.2, 20, "y")))
    assert evaluate(truth, guess, EvaluationOptions(collar=0.25)).figures()["der"] == 0.0


@pytest.mark.parametrize("module", ["jiwer", "meeteval", "whisper_normalizer.basic", "pyannote.metrics.diarization"])
def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    normalizer.cache_clear()
    recording = Recording.of(CONVERSATION)
    with pytest.raises(MissingDependency, match=r'pip install "hansard\[evaluation\]"'):
        evaluate(recording, recording, EvaluationOptions(language="de"))
    normalizer.cache_clear()


def test_importing_evaluation_loads_none_of_its_packages() -> None:
    names = "('torch', 'jiwer', 'meeteval', 'pyannote', 'pandas', 'matplotlib', 'scipy')"
    code = f"import sys, pipeline.evaluation; sys.exit(any(name in sys.modules for name in {names}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

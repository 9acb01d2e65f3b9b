from __future__ import annotations

import pytest

from pipeline.asr.backend import Hypothesis
from pipeline.asr.guards import (
    Fault,
    compression_ratio,
    count_words,
    find_fault,
    is_fuller,
    is_loop,
    is_sparse,
    sparse_rate,
    unsayable,
)
from pipeline.options import AsrOptions

OPTIONS = AsrOptions()
ORDINARY = "I don't think you have done quite right in introducing such a person to us"
ANNOUNCEMENT = "Your call is important to us and will be answered in the order in which it was received."


def heard(text: str, logprob: float = -0.3) -> Hypothesis:
    return Hypothesis(text=text, tokens=(), avg_logprob=logprob, no_speech_prob=0.1)


@pytest.mark.parametrize(
    ("text", "speech", "logprob", "fault"),
    [
        (ORDINARY, 5.0, -0.3, None),
        ("", 5.0, -9.0, None),
        (ORDINARY, 5.0, -1.2, Fault.LOW_LOGPROB),
        (ORDINARY, 0.5, -0.3, Fault.TOO_MANY_WORDS),
        ("I don't know.", 0.1, -0.3, None),
        ("you " * 20, 20.0, -0.3, Fault.REPETITION),
        ("I'm going to go. " * 12, 25.0, -0.1, Fault.REPETITION),
        (" ".join([ANNOUNCEMENT] * 3), 18.0, -0.1, None),
        (" ".join([ANNOUNCEMENT] * 3), 18.0, -0.8, Fault.REPETITION),
        (" ".join([ANNOUNCEMENT] * 3), 9.0, -0.1, Fault.REPETITION),
    ],
    ids=[
        "ordinary",
        "nothing heard",
        "unlikely",
        "faster than anyone speaks",
        "a short answer in a short region",
        "one word over and over",
        "one sentence over and over",
        "an announcement played three times",
        "a repetition heard badly",
        "a repetition faster than speech",
    ],
)
def test_fault_of_a_text(text: str, speech: float, logprob: float, fault: Fault | None) -> None:
    assert find_fault(heard(text.strip(), logprob), len(text.split()), speech, OPTIONS) is fault


@pytest.mark.parametrize(
    ("text", "loop"),
    [
        ("no no no no no no", False),
        ("Yeah. Yeah, yeah. Yeah. " * 3, True),
        ("thank you. " * 6, True),
        ("thank you. " * 3, False),
        ("one two three four five six seven eight " * 4, True),
        ("He said f-" + "f-" * 10 + "f-fine.", True),
        ("Call 555-555-5555 or 555-555-5556, day or night.", False),
        ("the cat and the dog and the cow and the hen and the pig and the goose", False),
    ],
)
def test_a_loop_is_many_words_of_the_same_few_in_a_row(text: str, loop: bool) -> None:
    assert is_loop(text) is loop


@pytest.mark.parametrize(
    ("rates", "limit"),
    [([], 1.875), ([2.8, 3.0, 2.6], 2.1), ([4.5, 5.0], 2.4), ([1.0, 1.2], 1.5)],
    ids=["no long chunk", "ordinary", "a fast talker", "a slow talker"],
)
def test_sparse_is_relative_to_the_recording_within_bounds(rates: list[float], limit: float) -> None:
    assert sparse_rate(rates) == pytest.approx(limit)


@pytest.mark.parametrize(
    ("words", "speech", "sparse"), [(10, 20.0, True), (45, 20.0, False), (0, 2.4, False), (0, 2.6, True)]
)
def test_sparse_is_few_words_in_enough_speech(words: int, speech: float, sparse: bool) -> None:
    assert is_sparse(words, speech, 2.0) is sparse


@pytest.mark.parametrize(
    ("words", "logprob", "fuller"),
    [(30, -0.4, True), (21, -0.4, False), (30, -1.1, False), (200, -0.4, False)],
    ids=["half as many again", "hardly more", "unlikely", "more than can be said"],
)
def test_a_second_text_replaces_a_sparse_one_only_if_it_is_fuller_and_likely(
    words: int, logprob: float, fuller: bool
) -> None:
    assert is_fuller(words, 20, logprob, 20.0, OPTIONS) is fuller


@pytest.mark.parametrize(
    ("text", "no_speech", "fault"),
    [
        ("Okay.", 0.1, None),
        ("Okay.", 0.8, Fault.NO_SPEECH),
        ("... ...", 0.1, Fault.NO_LETTERS),
        ("42", 0.1, None),
        ("你好", 0.1, None),
    ],
)
def test_last_check(text: str, no_speech: float, fault: Fault | None) -> None:
    assert unsayable(text, no_speech, OPTIONS) is fault


def test_words_of_unspaced_languages_are_estimated_from_characters() -> None:
    assert count_words("你好,世界", "zh") == 2
    assert count_words("good morning, world", "en") == 3


def test_compression_ratio_of_nothing_is_zero() -> None:
    assert compression_ratio("") == 0.0
    assert compression_ratio("ab" * 100) > 5.0

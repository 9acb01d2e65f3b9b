"""Aligning synthetic sound: where words may be at all, what has no place, and what is loaded when."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
from scipy.signal import lfilter

from pipeline.alignment.aligner import AlignedWord
from pipeline.alignment.english_aligner import EnglishAligner
from pipeline.alignment.hmm.acoustic_model import AcousticModel
from pipeline.alignment.hmm.best_path import best_path
from pipeline.alignment.hmm.cepstra import cepstra
from pipeline.alignment.hmm.word_graph import word_graph
from pipeline.alignment.pronunciations import Pronunciations
from pipeline.errors import MissingDependency
from pipeline.types import FloatArray
from pipeline.waveform import SAMPLE_RATE

FORMANTS = {"AA": (730, 1090, 2440), "IY": (270, 2290, 3010)}
"""Of a man's vowels, in hertz."""
HISS = "S"


def sound(name: str, seconds: float, seed: int = 0) -> FloatArray:
    """A vowel, a hiss, or near silence."""
    random = np.random.default_rng(seed)
    count = round(seconds * SAMPLE_RATE)
    faint = random.normal(0, 2e-4, count)
    if name == HISS:
        return np.asarray(lfilter([1, -1.6, 0.8], [1], random.normal(0, 0.03, count)) + faint, dtype=np.float32)
    if name not in FORMANTS:
        return faint.astype(np.float32)
    pulses = np.zeros(count)
    pulses[:: SAMPLE_RATE // 120] = 1.0
    for hertz, width in zip(FORMANTS[name], (60, 100, 150), strict=True):
        radius = np.exp(-np.pi * width / SAMPLE_RATE)
        pulses = lfilter([1.0], [1.0, -2 * radius * np.cos(2 * np.pi * hertz / SAMPLE_RATE), radius**2], pulses)
    return np.asarray(0.3 * pulses / np.abs(pulses).max() + faint, dtype=np.float32)


def speech(*sounds: tuple[str, float]) -> FloatArray:
    return np.concatenate([sound(name, seconds, number) for number, (name, seconds) in enumerate(sounds)])


BABBLE = speech(("", 0.3), ("AA", 0.3), (HISS, 0.2), ("IY", 0.4), ("", 0.3), (HISS, 0.2), ("IY", 0.3), ("", 0.3))


@pytest.fixture(scope="module")
def aligner() -> EnglishAligner:
    return EnglishAligner()


def spans(placed: Sequence[AlignedWord | None] | None) -> list[tuple[float, float]]:
    assert placed is not None
    return [(word.start, word.end) for word in placed if word is not None]


@pytest.mark.parametrize("words", [[], ["..."], ["—", "?!"], ["你好"]])
def test_nothing_to_say_has_no_place(aligner: EnglishAligner, words: list[str]) -> None:
    assert aligner.align(BABBLE, words) is None


def test_a_sign_among_words_has_no_place_and_takes_none_from_others(aligner: EnglishAligner) -> None:
    placed = aligner.align(BABBLE, ["—", "Ah,", "...", "see", "see", "?"])
    assert placed is not None
    assert [place is None for place in placed] == [True, False, True, False, False, True]
    assert [place for place in placed if place] == aligner.align(BABBLE, ["ah", "see", "see"])


@pytest.mark.parametrize("seconds", [0.0, 0.02, 0.1])
def test_too_little_audio_for_the_words_has_no_place(aligner: EnglishAligner, seconds: float) -> None:
    assert aligner.align(BABBLE[: round(seconds * SAMPLE_RATE)], ["tomato"]) is None


def test_as_many_frames_as_states_are_enough(aligner: EnglishAligner) -> None:
    """Zoo has two phones of three states each."""
    enough = 410 + 5 * 160
    assert aligner.align(BABBLE[: enough - 1], ["zoo"]) is None
    assert spans(aligner.align(BABBLE[:enough], ["zoo"])) == [pytest.approx((0.0078, 0.0678))]


@pytest.mark.parametrize(
    "words",
    [
        ["see"],
        ["ah", "see", "see"],
        ["It", "was", "the", "best", "of", "times", ",", "it", "was", "the", "worst", "of", "times"],
        ["In", "1859,", "Mr.", "O\N{RIGHT SINGLE QUOTATION MARK}Hara", "said", "50%", "—", "well-known", "bezzt"],
        ["a"] * 15,
    ],
)
@pytest.mark.parametrize("audio", ["babble", "silence", "noise", "full scale"])
def test_words_are_in_order_inside_the_audio(aligner: EnglishAligner, words: list[str], audio: str) -> None:
    """Whatever is said in it."""
    samples = {
        "babble": np.tile(BABBLE, 2),
        "silence": np.zeros(4 * SAMPLE_RATE, np.float32),
        "noise": np.random.default_rng(1).normal(0, 0.1, 4 * SAMPLE_RATE).astype(np.float32),
        "full scale": np.sign(np.tile(BABBLE, 2)),
    }[audio]
    placed = aligner.align(samples, words)
    assert placed is not None
    assert len(placed) == len(words)
    places = spans(placed)
    assert len(places) == len(words) - words.count("—") - words.count(",")
    assert places[0][0] >= 0
    assert places[-1][1] <= len(samples) / SAMPLE_RATE
    assert all(end - start >= 0.0299 for start, end in places)
    assert all(end <= start + 1e-9 for (_, end), (start, _) in pairwise(places))
    assert all(word.score <= 0 for word in placed if word is not None)


def test_words_begin_where_their_sounds_do(aligner: EnglishAligner) -> None:
    """A vowel from 0.3 s, a hiss and another vowel from 0.6 and from 1.5 s."""
    starts = [start for start, _ in spans(aligner.align(BABBLE, ["ah", "see", "see"]))]
    assert starts == pytest.approx([0.3, 0.6, 1.5], abs=0.04)


@pytest.mark.parametrize("later", [0.25, 1.0])
def test_words_move_with_their_sound(aligner: EnglishAligner, later: float) -> None:
    moved = aligner.align(np.concatenate([sound("", later, 9), BABBLE]), ["ah", "see", "see"])
    starts = [start - later for start, _ in spans(moved)]
    assert starts == pytest.approx([0.3, 0.6, 1.5], abs=0.04)


def test_a_place_is_that_of_the_path_in_seconds(aligner: EnglishAligner) -> None:
    """A frame stands for the ten milliseconds in its middle."""
    voice = aligner._voice()
    words = [aligner._pronunciations(word, voice)[0] for word in ("ah", "see")]
    path = best_path(voice.model, word_graph(voice.model, words), cepstra(BABBLE))
    placed = aligner.align(BABBLE, ["ah", "see"])
    assert path is not None
    assert placed is not None
    assert spans(placed) == [
        pytest.approx((word.first / 100 + 0.0078, (word.last + 1) / 100 + 0.0078)) for word in path
    ]
    assert [place.score for place in placed if place] == pytest.approx([word.score for word in path])


def test_a_written_word_of_several_spoken_ones_is_one_place(aligner: EnglishAligner) -> None:
    """From the first of them to the last, and as good as all their frames are."""
    tokens = aligner.align(BABBLE, ["nineteen", "eleven"])
    joined = aligner.align(BABBLE, ["1911"])
    assert tokens is not None
    assert joined is not None
    (first, last), (whole,) = tokens, joined
    assert first is not None
    assert last is not None
    assert whole is not None
    assert (whole.start, whole.end) == (first.start, last.end)
    lengths = [first.end - first.start, last.end - last.start]
    assert lengths[0] != pytest.approx(lengths[1])
    assert whole.score == pytest.approx(np.average([first.score, last.score], weights=lengths))


def test_a_word_that_fits_the_sound_has_a_better_score(aligner: EnglishAligner) -> None:
    fits, does_not = (aligner.align(BABBLE, ["ah", word, "see"]) for word in ("see", "wool"))
    assert fits is not None
    assert does_not is not None
    assert fits[1] is not None
    assert does_not[1] is not None
    assert fits[1].score > does_not[1].score + 1


def test_what_was_aligned_before_does_not_matter(aligner: EnglishAligner) -> None:
    words = ["ah", "see", "see"]
    first = aligner.align(BABBLE, words)
    assert aligner.align(np.random.default_rng(2).normal(0, 0.2, 30_000).astype(np.float32), ["parliament"])
    assert aligner.align(BABBLE, words) == first
    assert EnglishAligner().align(BABBLE, words) == first


def test_several_threads_at_once_get_what_one_gets(aligner: EnglishAligner) -> None:
    sentences = [["ah", "see", "see"], ["tomato"], ["the", "zoo"], ["it", "was", "1859"]] * 4
    audio = [BABBLE, BABBLE[::-1].copy(), np.float32(0.5) * BABBLE, BABBLE[4000:]] * 4
    expected = [aligner.align(samples, words) for samples, words in zip(audio, sentences, strict=True)]
    assert None not in expected
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(aligner.align, audio, sentences)) == expected


def test_samples_stay_as_they_are(aligner: EnglishAligner) -> None:
    samples = BABBLE.copy()
    samples.flags.writeable = False
    assert aligner.align(samples, ["ah"]) is not None
    assert np.array_equal(samples, BABBLE)


def test_a_model_is_loaded_once_and_not_before_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where several threads ask for it at once."""
    loaded: list[Path] = []
    read = AcousticModel.read

    def reading(folder: Path) -> AcousticModel:
        loaded.append(folder)
        time.sleep(0.05)
        return read(folder)

    monkeypatch.setattr(AcousticModel, "read", reading)
    fresh, together = EnglishAligner(), Barrier(4)
    assert not loaded

    def align(_: int) -> list[AlignedWord | None] | None:
        together.wait()
        return fresh.align(BABBLE, ["ah"])

    with ThreadPoolExecutor(4) as threads:
        placed = list(threads.map(align, range(4)))
    assert fresh.align(BABBLE, ["ah"]) == placed[0]
    assert placed[0] is not None
    assert placed == placed[:1] * 4
    assert [folder.name for folder in loaded] == ["en-us"]


def test_without_the_package_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    with pytest.raises(
        MissingDependency, match=r'^pocketsphinx is not installed; run: pip install "hansard\[pipeline\]"'
    ):
        EnglishAligner().align(BABBLE, ["ah"])


def test_what_could_not_be_loaded_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = EnglishAligner()
    with monkeypatch.context() as missing:
        missing.setitem(sys.modules, "pocketsphinx", None)
        with pytest.raises(MissingDependency):
            fresh.align(BABBLE, ["ah"])
    assert fresh.align(BABBLE, ["ah"]) is not None


def test_a_word_is_said_in_any_of_its_ways(aligner: EnglishAligner) -> None:
    """Read is said with one vowel or another: the one that is heard counts."""
    voice = aligner._voice()
    assert isinstance(voice.pronunciations, Pronunciations)
    (ways,) = aligner._pronunciations("read", voice)
    names = {number: name for name, number in voice.model.phones.items()}
    assert [[names[phone] for phone in way] for way in ways] == [["R", "EH", "D"], ["R", "IY", "D"]]


def test_it_speaks_english() -> None:
    assert EnglishAligner.languages == {"en"}
    assert EnglishAligner.name == "pocketsphinx-en-us"

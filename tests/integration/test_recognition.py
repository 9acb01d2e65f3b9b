"""Recognition and word times with the real models on real speech.

The floors are a little below what was measured; they are there to catch a change that breaks something.
"""

from __future__ import annotations

import json
import platform
import statistics
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.alignment.english_aligner import EnglishAligner
from pipeline.asr.backend import DecodeRequest
from pipeline.asr.chunk_audio import ChunkAudio
from pipeline.asr.encoded import Encoded
from pipeline.asr.faster_whisper import FasterWhisper
from pipeline.asr.network import quantized_linear
from pipeline.asr.recognition import Recognizer
from pipeline.asr.whisper_model import WhisperParts
from pipeline.audio import decode, downmix
from pipeline.errors import InvalidOption, ModelCorrupt
from pipeline.models import ModelStore
from pipeline.options import AsrOptions
from pipeline.segmentation.segmenter import Segmenter
from pipeline.segmentation.vad import detect_speech
from pipeline.types import FloatArray, Recognition, Segment, Timing
from pipeline.waveform import SAMPLE_RATE, Waveform
from tests.unit.pipeline.asr.network import small_whisper

pytestmark = pytest.mark.weights

NO_WORDS = (
    "silence_10s.wav",
    "noise_white_10s.flac",
    "noise_brown_10s.flac",
    "hum_50hz_10s.flac",
    "dtmf_8k.wav",
    "ringback_8k.wav",
    "melody_8s.flac",
    "moh_cold_day.flac",
    "short_50ms.wav",
    "short_1sample.wav",
)
SENTENCE = "I don't think Mr Hale you have done quite right in introducing such a person to us without telling us what"
WITH_WORDS = ("quiet_-50db.wav", "dc_offset.wav", "noisy_10db.flac", "mulaw_8k.wav", "long_silence_then_speech.flac")
CITIES = "it was the best of times it was the worst of times it was the age of wisdom it was the age of foolishness"


@pytest.fixture(scope="module")
def store() -> ModelStore:
    """The user's own, so that a second run fetches nothing."""
    return ModelStore.from_environment()


@pytest.fixture(scope="module")
def backend(store: ModelStore) -> FasterWhisper:
    loaded = FasterWhisper.from_pretrained(store, threads=1)
    # By our own search, wherever it can be had.
    assert loaded.mixes_lengths is (platform.machine() in {"x86_64", "AMD64"})
    return loaded


@pytest.fixture(scope="module")
def theirs(store: ModelStore) -> FasterWhisper:
    """All by CTranslate2, as on processors without our products."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quantized_linear, "available", lambda: False)
        loaded = FasterWhisper.from_pretrained(store, threads=1)
    assert not loaded.mixes_lengths
    return loaded


@pytest.fixture(scope="module")
def aligner() -> EnglishAligner:
    return EnglishAligner()


@pytest.fixture(scope="module")
def recognizer(backend: FasterWhisper, aligner: EnglishAligner) -> Recognizer:
    return Recognizer(backend, aligner=aligner)


@pytest.fixture(scope="module")
def cities(store: ModelStore) -> Waveform:
    """Forty-four seconds of one voice reading."""
    return downmix(decode(store.path("sample-two-cities")))


def everywhere(waveform: Waveform) -> list[Segment]:
    """Speech regions of somebody who does without voice activity detection."""
    return [Segment(0.0, waveform.duration)]


def heard(waveform: Waveform, *spans: Segment) -> list[ChunkAudio]:
    """Chunks that no model has encoded yet."""
    return [ChunkAudio(waveform, span) for span in spans]


def plain(words: list[str]) -> list[str]:
    bare = ("".join(letter for letter in word.lower() if letter.isalnum()) for word in words)
    return [word for word in bare if word]


def texts(recognition: Recognition) -> list[str]:
    return plain([word.text for word in recognition.words])


def edits(reference: list[str], hypothesis: list[str]) -> int:
    """Word errors: substitutions, deletions, insertions."""
    row = list(range(len(hypothesis) + 1))
    for number, expected in enumerate(reference, 1):
        above, row[0] = row[0], number
        for place, word in enumerate(hypothesis, 1):
            above, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, above + (word != expected))
    return row[-1]


def test_read_speech_is_written_down_and_every_word_is_aligned(
    store: ModelStore, recognizer: Recognizer, cities: Waveform, capfd: pytest.CaptureFixture[str]
) -> None:
    speech = detect_speech(Segmenter.from_pretrained(store)(cities))
    recognition = recognizer(cities, speech)
    assert edits(CITIES.split(), texts(recognition)[: len(CITIES.split())]) <= 2
    assert {word.timing for word in recognition.words} == {Timing.ALIGNED}
    assert recognition.dropped == ()
    assert capfd.readouterr().err == ""


def test_words_of_a_recording_are_in_order_and_fill_their_segments(recognizer: Recognizer, cities: Waveform) -> None:
    recognition = recognizer(cities, everywhere(cities))
    starts = [word.start for word in recognition.words]
    assert starts == sorted(starts)
    for segment in recognition.segments:
        assert segment.text.split() == [word.text for word in segment.words]
        assert all(segment.start <= word.start < word.end <= segment.end + 1e-6 for word in segment.words)
        assert all(0.0 < word.confidence <= 1.0 for word in segment.words)


def test_a_text_does_not_depend_on_who_shares_the_batch(backend: FasterWhisper, cities: Waveform) -> None:
    """Nor do confidences and times: what a chunk is filled up to is its own, whatever the others are."""
    speech = [Segment(0.5, 14.0), Segment(15.0, 29.0), Segment(30.0, 38.0), Segment(38.2, 44.0)]
    single, batched = (
        Recognizer(backend, AsrOptions(batch_size=size, chunk_seconds=15.0))(cities, speech) for size in (1, 8)
    )
    assert texts(single) == texts(batched)
    for alone, shared in zip(single.words, batched.words, strict=True):
        assert shared.confidence == pytest.approx(alone.confidence, abs=1e-4)
        assert shared.start == pytest.approx(alone.start, abs=0.021)


def test_our_search_finds_no_worse_texts_than_ctranslate2(
    backend: FasterWhisper, theirs: FasterWhisper, cities: Waveform
) -> None:
    """As likely, with the same words but for a few, and the same probabilities but for the rounding to integers."""
    request = DecodeRequest(language="en")
    # From pause to pause: of half a sentence either may make what it likes.
    pauses = (Segment(0.5, 13.1), Segment(13.1, 28.7), Segment(29.75, 38.5), Segment(38.5, 44.0))
    ours, others = (each.encode(heard(cities, *pauses)).decode(request) for each in (backend, theirs))
    assert statistics.mean(one.avg_logprob for one in ours) > statistics.mean(one.avg_logprob for one in others) - 0.02
    for one, other in zip(ours, others, strict=True):
        assert edits(plain(other.text.split()), plain(one.text.split())) <= 2
    texts = [one.tokens for one in ours]
    known, checked = (
        each.encode(heard(cities, *pauses)).words(texts, probabilities, request, times=False)
        for each, probabilities in ((backend, [one.probabilities for one in ours]), (theirs, [None] * len(texts)))
    )
    for words, expected in zip(known, checked, strict=True):
        difference = [abs(word.probability - same.probability) for word, same in zip(words, expected, strict=True)]
        assert statistics.mean(difference) < 0.05


@small_whisper.on_x86
def test_our_attention_times_words_as_ctranslate2s_does(
    backend: FasterWhisper, theirs: FasterWhisper, cities: Waveform
) -> None:
    request, span = DecodeRequest(language="en"), Segment(0.5, 13.1)
    text = backend.encode(heard(cities, span)).decode(request)[0].tokens
    ours, others = (
        each.encode(heard(cities, span)).words([text], [None], request, times=True)[0] for each in (backend, theirs)
    )
    apart = [abs(float(one.start or 0) - float(other.start or 0)) for one, other in zip(ours, others, strict=True)]
    assert len(apart) > 30
    assert statistics.median(apart) <= 0.021
    assert max(apart) < 0.5
    assert statistics.mean(abs(a.probability - b.probability) for a, b in zip(ours, others, strict=True)) < 0.05


@small_whisper.on_x86
def test_where_our_own_computes_ctranslate2s_weights_are_in_no_memory(
    backend: FasterWhisper, theirs: FasterWhisper
) -> None:
    assert not backend._parts.network.model_is_loaded
    assert theirs._parts.network.model_is_loaded


@small_whisper.on_x86
def test_weights_that_ours_cannot_read_are_loaded_back(
    store: ModelStore, theirs: FasterWhisper, cities: Waveform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that CTranslate2 knows and we do not: all of it is left to CTranslate2."""
    monkeypatch.setattr("pipeline.asr.faster_whisper.load_own", lambda *_: None)
    backend, span = FasterWhisper.from_pretrained(store, threads=1), Segment(0.5, 13.1)
    assert not backend.mixes_lengths
    said = [each.encode(heard(cities, span)).decode(DecodeRequest(language="en"))[0].text for each in (backend, theirs)]
    assert said[0] == said[1] != ""


@small_whisper.on_x86
def test_our_encoder_hears_what_ctranslate2s_does(store: ModelStore, cities: Waveform) -> None:
    """In both precisions, but for the rounding to integers; what attends to anything else is far off."""
    chunk = cities.crop(Segment(0.5, 14.0))
    theirs, *ours = (
        FasterWhisper.from_pretrained(store, compute_type=numbers, precision=precision, threads=1)
        for numbers, precision in (("float32", "auto"), ("int8", "float32"), ("int8", "bfloat16"))
    )
    seconds = theirs.padded_seconds(13.5)  # the longer of the two
    mel = theirs._mel(chunk, seconds)
    expected, exact, rounded = (one._parts.encode([mel]).chunks[0] for one in (theirs, *ours))
    for found in (exact, rounded):
        assert np.linalg.norm(found - expected) < 0.12 * np.linalg.norm(expected)
    assert not np.array_equal(exact, rounded)


def test_in_other_numbers_ctranslate2_searches(store: ModelStore, backend: FasterWhisper, cities: Waveform) -> None:
    exact = FasterWhisper.from_pretrained(store, compute_type="float32", threads=1)
    assert not exact.mixes_lengths
    speech = [Segment(0.0, 11.0), Segment(11.5, 20.0)]
    ours, theirs = (texts(Recognizer(each)(cities, speech)) for each in (backend, exact))
    assert edits(theirs, ours) <= 3


def test_our_search_gives_timestamps_as_ctranslate2_does(
    backend: FasterWhisper, theirs: FasterWhisper, cities: Waveform
) -> None:
    request = DecodeRequest(language="en", timestamps=True)
    ours, other = (each.encode(heard(cities, Segment(0.0, 22.0))).decode(request)[0] for each in (backend, theirs))
    assert ours.reached == pytest.approx(other.reached, abs=0.3)
    starts = [[segment.start for segment in one.segments] for one in (ours, other)]
    assert len(starts[0]) == len(starts[1]) > 1
    # In a pause, one is as good as another.
    assert starts[0] == pytest.approx(starts[1], abs=0.5)


@pytest.mark.parametrize("whose", ["backend", "theirs"])
def test_a_chunk_that_was_encoded_is_not_encoded_again(
    whose: str, request: pytest.FixtureRequest, cities: Waveform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a CPU; beside one that was not, and with the same text."""
    backend: FasterWhisper = request.getfixturevalue(whose)
    how, chunks = DecodeRequest(language="en"), heard(cities, Segment(0.5, 13.1), Segment(13.1, 28.7))
    expected = [found.text for found in backend.encode(chunks).decode(how)]
    chunks[1].encoded = None
    encode, asked = WhisperParts.encode, list[int]()

    def noted(parts: WhisperParts, mels: Sequence[FloatArray]) -> Encoded:
        asked.append(len(mels))
        return encode(parts, mels)

    monkeypatch.setattr(WhisperParts, "encode", noted)
    assert [found.text for found in backend.encode(chunks).decode(how)] == expected
    assert asked == [1]


def test_confidence_is_lower_where_the_speech_is_drowned(recognizer: Recognizer, cities: Waveform) -> None:
    noise = np.random.default_rng(1).normal(0.0, 0.01, cities.samples.shape)
    noisy = Waveform.of((cities.samples + noise).astype(np.float32))
    clear, drowned = (
        statistics.mean(word.confidence for word in recognizer(waveform, everywhere(waveform)).words)
        for waveform in (cities, noisy)
    )
    assert clear > drowned + 0.05


def test_sampled_text_does_not_depend_on_what_was_sampled_before(backend: FasterWhisper, cities: Waveform) -> None:
    request = DecodeRequest(language="en", temperature=0.8)
    span = Segment(0.0, min(10.0, cities.duration))
    texts = [backend.encode(heard(cities, span)).decode(request)[0].text for _ in range(3)]
    assert texts[0]
    assert texts == texts[:1] * 3


@pytest.mark.parametrize("compute_type", ["int8", "float32"])
def test_a_recognizer_of_many_threads_leaves_the_others_theirs(
    store: ModelStore, cities: Waveform, compute_type: str
) -> None:
    """CTranslate2 sets those of torch where it is loaded; where it samples, it is loaded once more."""
    before = torch.get_num_threads()
    backend = FasterWhisper.from_pretrained(store, compute_type=compute_type, threads=before + 1)
    backend.encode(heard(cities, Segment(0.5, 14.0))).decode(DecodeRequest(language="en", temperature=0.8))
    assert torch.get_num_threads() == before


def test_both_ways_of_timing_words_agree(backend: FasterWhisper, aligner: EnglishAligner, cities: Waveform) -> None:
    attention = Recognizer(backend)(cities, everywhere(cities))
    aligned = Recognizer(backend, aligner=aligner)(cities, everywhere(cities))
    assert {word.timing for word in attention.words} == {Timing.ATTENTION}
    assert texts(attention) == texts(aligned)
    apart = [abs(a.start - b.start) for a, b in zip(attention.words, aligned.words, strict=True)]
    assert statistics.median(apart) < 0.08


def test_unknown_words_and_numbers_are_aligned(aligner: EnglishAligner, cities: Waveform) -> None:
    words = ["It", "was", "the", "bezzt", "of", "1859,", "it"]
    placed = aligner.align(cities.mono[: 4 * SAMPLE_RATE], words)
    assert placed is not None
    assert all(place is not None and 0.0 <= place.start < place.end <= 4.1 for place in placed)


def test_where_words_are_does_not_depend_on_what_was_aligned_before(cities: Waveform) -> None:
    """A long-lived worker places the words of a recording as a fresh one does."""
    fresh = EnglishAligner()
    noise = np.random.default_rng(1).normal(0.0, 0.1, 4 * SAMPLE_RATE).astype(np.float32)
    sentence, words = cities.mono[: 4 * SAMPLE_RATE], ["It", "was", "the", "best", "of", "times"]
    first = fresh.align(sentence, words)
    fresh.align(noise, words)
    assert first is not None
    assert fresh.align(sentence, words) == first


def test_a_sign_has_no_place_in_the_audio(aligner: EnglishAligner, cities: Waveform) -> None:
    placed = aligner.align(cities.mono[: 4 * SAMPLE_RATE], ["It", "was", "—", "the", "best", "of", "times"])
    assert placed is not None
    assert [place is None for place in placed] == [False, False, True, False, False, False, False]


def test_nothing_to_say_finds_no_place(aligner: EnglishAligner, cities: Waveform) -> None:
    assert aligner.align(cities.mono[:SAMPLE_RATE], ["..."]) is None


def test_a_model_folder_without_its_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelCorrupt, match=r"lacks model\.bin"):
        FasterWhisper(tmp_path, name="whisper-tiny.en", device="cpu", compute_type=None, threads=1)


def test_a_device_that_is_not_there_is_refused(store: ModelStore) -> None:
    with pytest.raises(InvalidOption, match="cpu or cuda"):
        FasterWhisper.from_pretrained(store, device="tpu")


@pytest.mark.corpus
@pytest.mark.parametrize("name", NO_WORDS)
def test_no_words_are_invented_even_without_voice_activity_detection(
    name: str, corpus: Path, recognizer: Recognizer
) -> None:
    waveform = downmix(decode(corpus / "hard" / name))
    assert texts(recognizer(waveform, everywhere(waveform))) == []


@pytest.mark.corpus
@pytest.mark.parametrize("name", WITH_WORDS)
def test_a_sentence_survives_bad_conditions(name: str, corpus: Path, recognizer: Recognizer) -> None:
    waveform = downmix(decode(corpus / "hard" / name))
    expected = plain(SENTENCE.split())
    assert edits(expected, texts(recognizer(waveform, everywhere(waveform)))[: len(expected)]) <= 3


@pytest.mark.corpus
def test_word_starts_agree_with_labels_made_by_hand(corpus: Path, recognizer: Recognizer) -> None:
    """Forty clips of several speakers, joined: starts within 30 ms, and hardly ever more than 120 ms off."""
    manifest = json.loads((corpus / "MANIFEST.json").read_text(encoding="utf-8"))
    clips = [file for file in manifest["files"] if file["collection"] == "timit"][::2]
    pause = np.zeros(round(0.4 * SAMPLE_RATE), dtype=np.float32)
    parts: list[np.ndarray] = []
    labels: list[tuple[str, float]] = []
    speech: list[Segment] = []
    for clip in clips:
        offset = sum(len(part) for part in parts) / SAMPLE_RATE
        samples = downmix(decode(corpus / clip["file"])).mono
        parts += [samples, pause]
        labels += [(plain([word["word"]])[0], offset + word["start"]) for word in clip["words"]]
        speech.append(Segment(offset + clip["words"][0]["start"], offset + clip["words"][-1]["end"]))
    words = recognizer(Waveform.of(np.concatenate(parts)), speech).words
    errors = [
        abs(word.start - start)
        for word in words
        for text, start in labels
        if plain([word.text]) == [text] and abs(word.start - start) < 0.5
    ]
    assert len(errors) > 0.75 * len(labels)
    assert np.percentile(errors, 50) < 0.03
    assert np.percentile(errors, 95) < 0.12

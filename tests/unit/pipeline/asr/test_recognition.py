from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from pipeline.alignment.aligner import AlignedWord
from pipeline.asr.backend import DecodeRequest, Hypothesis
from pipeline.asr.batching import OwnBatches
from pipeline.asr.chunk_audio import ChunkAudio, ChunkAudios
from pipeline.asr.chunking import PAD
from pipeline.asr.decoding import ChunkDecoder
from pipeline.asr.recognition import Recognizer
from pipeline.asr.shared_batches import SharedBatches
from pipeline.errors import InvalidOption, OutOfMemory
from pipeline.options import AlignmentOptions, AsrOptions
from pipeline.segmentation.segmenter import FRAMES
from pipeline.turnstile import Turnstile
from pipeline.types import FloatArray, Recognition, Segment, Timing
from pipeline.waveform import SAMPLE_RATE
from tests.unit.pipeline.asr.scripted import Script, ScriptedBatch, clock_waveform, hypothesis

SAID = [(0.5 + 0.4 * number + (number >= 50), f"word{number}") for number in range(100)]
"""Forty seconds of even talk, with one pause in the middle."""
TALK = [Segment(0.4, 20.5), Segment(21.4, 41.5)]
SECONDS = 42.0


def texts(recognition: Recognition) -> list[str]:
    return [word.text for word in recognition.words]


def recognize(script: Script, options: AsrOptions | None = None, **more: object) -> Recognition:
    return Recognizer(script, options or AsrOptions(), **more)(clock_waveform(SECONDS), TALK)  # type: ignore[arg-type]


class EvenAligner:
    """Places words evenly over the samples, or fails."""

    name = "even"
    languages = frozenset({"en"})

    def __init__(self, *, fails_on: str | None = None) -> None:
        self.fails_on = fails_on

    def align(self, samples: FloatArray, words: list[str]) -> list[AlignedWord | None] | None:
        each = len(samples) / 16_000 / len(words)
        fails = self.fails_on is not None and any(self.fails_on in word for word in words)
        return None if fails else [AlignedWord(k * each, (k + 1) * each, 0.0) for k in range(len(words))]


def skips_the_second_half(chunk: Segment, request: DecodeRequest) -> Hypothesis | None:
    """Without timestamps, stop half way through a long chunk."""
    if request.timestamps or chunk.duration < 10:
        return None
    middle = chunk.start + chunk.duration / 2
    heard = [number for number, (time, _) in enumerate(SAID) if chunk.start <= time < middle]
    return hypothesis(Script(SAID), heard, chunk, request)


def test_words_come_out_in_order_and_complete() -> None:
    recognition = recognize(Script(SAID))
    assert texts(recognition) == [word for _, word in SAID]
    assert recognition.dropped == ()
    assert recognition.language == "en"
    assert recognition.language_confidence is None


def test_times_by_attention_are_seconds_of_the_recording_less_the_bias() -> None:
    words = recognize(Script(SAID, attention_bias=0.1)).words
    assert [word.start for word in words[1:]] == pytest.approx([time - 0.1 for time, _ in SAID[1:]], abs=1e-3)
    assert {word.timing for word in words} == {Timing.ATTENTION}


def test_nothing_is_decoded_where_nobody_speaks() -> None:
    script = Script(SAID)
    recognition = Recognizer(script)(clock_waveform(SECONDS), [])
    assert recognition.segments == ()
    assert script.batches == []


def test_a_skipped_stretch_is_found_and_decoded_again() -> None:
    script = Script(SAID, mistake=skips_the_second_half)
    assert texts(recognize(script)) == [word for _, word in SAID]
    assert any(request.timestamps for _, request in script.requests)


def test_a_chunk_with_all_its_words_is_decoded_once() -> None:
    script = Script(SAID)
    recognize(script)
    assert not any(request.timestamps for _, request in script.requests)


def test_what_follows_the_last_timestamp_is_decoded_again() -> None:
    """With timestamps the model stops early as well: the rest becomes a chunk of its own."""

    def stops_early(chunk: Segment, request: DecodeRequest) -> Hypothesis | None:
        if chunk.duration < 10:
            return None
        heard = [number for number, (time, _) in enumerate(SAID) if chunk.start <= time < chunk.start + 6]
        return hypothesis(Script(SAID), heard, chunk, request)

    assert texts(recognize(Script(SAID, mistake=stops_early))) == [word for _, word in SAID]


def test_a_hole_between_timestamps_is_decoded_again() -> None:
    def leaves_out_the_middle(chunk: Segment, request: DecodeRequest) -> Hypothesis | None:
        if chunk.duration < 15:
            return None
        heard = [
            n for n, (time, _) in enumerate(SAID) if chunk.start <= time < chunk.end and n % 50 not in range(5, 30)
        ]
        return hypothesis(Script(SAID), heard, chunk, request)

    assert texts(recognize(Script(SAID, mistake=leaves_out_the_middle))) == [word for _, word in SAID]


def looping(chunk: Segment, request: DecodeRequest, *, cured_at: float) -> Hypothesis | None:
    """Say one word over and over in the first chunk, up to a temperature."""
    if chunk.start > 10 or request.temperature >= cured_at:
        return None
    return hypothesis(Script(SAID), [7] * 40, chunk, request, logprob=-0.1)


def test_a_loop_that_sampling_does_not_cure_is_dropped_and_recorded() -> None:
    recognition = recognize(Script(SAID, mistake=lambda chunk, request: looping(chunk, request, cured_at=9.0)))
    assert [span.reason for span in recognition.dropped] == ["repetition"]
    assert "word7 word7" in recognition.dropped[0].text
    assert set(texts(recognition)) == {word for time, word in SAID if time >= recognition.dropped[0].end}


def test_a_loop_is_sampled_until_a_temperature_cures_it() -> None:
    script = Script(SAID, mistake=lambda chunk, request: looping(chunk, request, cured_at=0.4))
    recognition = recognize(script)
    assert recognition.dropped == ()
    assert texts(recognition) == [word for _, word in SAID]
    assert [request.temperature for _, request in script.requests if request.temperature] == [0.2, 0.4]
    assert {segment.temperature for segment in recognition.segments} == {0.0, 0.4}


def test_of_texts_that_stay_unlikely_the_likeliest_is_kept() -> None:
    def mumbled(chunk: Segment, request: DecodeRequest) -> Hypothesis | None:
        heard = [number for number, (time, _) in enumerate(SAID) if chunk.start <= time < chunk.end]
        logprob = -1.1 if request.temperature == 0.4 else -1.5
        return hypothesis(Script(SAID), heard, chunk, request, logprob=logprob)

    # The made-up words compress too well to pass for speech heard badly.
    recognition = recognize(Script(SAID, mistake=mumbled), AsrOptions(max_compression_ratio=9.0))
    assert texts(recognition) == [word for _, word in SAID]
    assert {segment.temperature for segment in recognition.segments} == {0.4}


def test_what_the_model_takes_for_no_speech_is_not_sampled() -> None:
    """Sampling is slow on silence and finds words in it."""
    silent = Script(SAID, no_speech_prob=0.9)
    script = Script(SAID, mistake=lambda chunk, request: hypothesis(silent, [7] * 40, chunk, request))
    recognize(script)
    assert any(request.timestamps for _, request in script.requests)
    assert not any(request.temperature for _, request in script.requests)


def test_text_in_a_pause_is_dropped_and_recorded() -> None:
    """Decoded again with timestamps, the model puts a word where nobody speaks."""
    said = [*SAID, (25.0, "ghost")]
    speech = [Segment(0.4, 20.5)]
    pause = Segment(24.0, 26.0)

    def haunted(chunk: Segment, request: DecodeRequest) -> Hypothesis | None:
        if not request.timestamps:
            return hypothesis(Script(said), [7] * 40, chunk, request)
        return hypothesis(Script(said), [*range(50), 100, *range(63, 67)], chunk, request)

    talk = [*speech, Segment(pause.end + 0.5, 28.0)]
    recognizer = Recognizer(Script(said, mistake=haunted), AsrOptions(chunk_seconds=28.0))
    recognition = recognizer(clock_waveform(SECONDS), talk)
    assert [(span.text, span.reason) for span in recognition.dropped] == [("ghost", "outside_speech")]
    assert "ghost" not in texts(recognition)


def test_text_that_the_model_takes_for_no_speech_is_dropped_and_recorded() -> None:
    recognition = recognize(Script(SAID, no_speech_prob=0.9))
    assert recognition.words == ()
    assert {span.reason for span in recognition.dropped} == {"no_speech"}


def test_words_are_aligned_where_an_aligner_speaks_the_language() -> None:
    script = Script(SAID)
    words = recognize(script, aligner=EvenAligner()).words
    assert {word.timing for word in words} == {Timing.ALIGNED}
    assert script.timed == [False] * len(script.timed)


def test_where_alignment_fails_attention_gives_the_times() -> None:
    words = recognize(Script(SAID), aligner=EvenAligner(fails_on="word")).words
    assert {word.timing for word in words} == {Timing.ATTENTION}
    assert [word.start for word in words[1:]] == pytest.approx([time for time, _ in SAID[1:]], abs=1e-3)


def test_one_word_that_cannot_be_aligned_costs_only_its_neighbours_their_alignment() -> None:
    words = recognize(Script(SAID), aligner=EvenAligner(fails_on="word30")).words
    by_attention = [number for number, word in enumerate(words) if word.timing is Timing.ATTENTION]
    assert 30 in by_attention
    assert 0 < len(by_attention) < 40
    assert words[0].timing is Timing.ALIGNED
    assert words[-1].timing is Timing.ALIGNED


def test_alignment_is_not_asked_for_where_attention_is_chosen() -> None:
    words = recognize(Script(SAID), aligner=EvenAligner(), alignment=AlignmentOptions(method="attention")).words
    assert {word.timing for word in words} == {Timing.ATTENTION}


def test_a_translation_is_never_forced_onto_the_audio() -> None:
    script = Script(SAID, languages=("de", "en"), translates=True)
    words = recognize(script, AsrOptions(language="en", task="translate"), aligner=EvenAligner()).words
    assert {word.timing for word in words} == {Timing.ATTENTION}


def test_forced_alignment_without_an_aligner_is_refused() -> None:
    with pytest.raises(InvalidOption, match="no forced aligner for 'en'"):
        recognize(Script(SAID), alignment=AlignmentOptions(method="forced"))


def test_every_word_starts_before_it_ends_in_order_and_inside_its_segment() -> None:
    recognition = recognize(Script(SAID), aligner=EvenAligner())
    for segment in recognition.segments:
        assert all(segment.start <= word.start < word.end <= segment.end for word in segment.words)
    starts = [word.start for word in recognition.words]
    assert starts == sorted(starts)


def test_only_chunks_that_are_filled_up_alike_share_a_batch() -> None:
    script = Script(SAID, lengths=(1.0, 2.0, 3.0, 5.0, 30.0))
    recognition = recognize(script, AsrOptions(batch_size=8, chunk_seconds=5.0))
    together = iter([script.padded_seconds(span.duration) for span, _ in script.requests])
    for size in script.batches:
        assert len({next(together) for _ in range(size)}) == 1
    assert max(script.batches) > 1
    assert recognition.words == recognize(Script(SAID), AsrOptions(chunk_seconds=5.0)).words


def test_chunks_of_any_length_share_a_batch_where_the_model_takes_them() -> None:
    script = Script(SAID, lengths=(1.0, 2.0, 3.0, 5.0, 30.0), mixes_lengths=True)
    recognition = recognize(script, AsrOptions(batch_size=8, chunk_seconds=5.0))
    assert script.batches[0] == 8
    assert set(script.batches[:-1]) <= {8}
    lengths = [round(span.duration, 3) for span, _ in script.requests]
    assert lengths == sorted(lengths)
    assert recognition.words == recognize(Script(SAID), AsrOptions(chunk_seconds=5.0)).words


def test_what_a_chunk_is_filled_up_to_is_decided_by_its_samples() -> None:
    """As the model sees it: its edges lie between samples, so that it may hold one more than it is long."""
    script = Script(SAID, lengths=(8.5, 10.0, 30.0))
    waveform = clock_waveform(SECONDS)
    decoder = ChunkDecoder(
        backend=script,
        audio=ChunkAudios(waveform),
        request=DecodeRequest(language="en"),
        batches=OwnBatches(script, 8),
        times=False,
    )
    exact = Segment(20.0, 28.5)
    starts = (FRAMES.edge(frame) - PAD for frame in range(20, 1000))
    chunks = (Segment(start, start + exact.duration) for start in starts)
    longer = next(chunk for chunk in chunks if len(waveform.crop(chunk)) > len(waveform.crop(exact)))
    assert longer.duration == pytest.approx(exact.duration, abs=1e-9)
    list(decoder.decode([longer, exact]))
    assert script.batches == [1, 1]


def test_batches_hold_no_more_chunks_than_asked_for() -> None:
    script = Script(SAID)
    recognize(script, AsrOptions(batch_size=3, chunk_seconds=5.0))
    assert max(script.batches) == 3


def test_prompt_and_hotwords_reach_the_model() -> None:
    script = Script(SAID)
    recognize(script, AsrOptions(initial_prompt="Minutes.", hotwords="Hansard", beam_size=2))
    assert {(r.prompt, r.hotwords, r.beam_size) for _, r in script.requests} == {("Minutes.", "Hansard", 2)}


def test_progress_grows_to_the_total_in_both_stages() -> None:
    told: dict[str, list[tuple[float, float]]] = {}
    Recognizer(Script(SAID))(
        clock_waveform(SECONDS), TALK, lambda stage, done, total: told.setdefault(stage, []).append((done, total))
    )
    assert list(told) == ["asr", "alignment"]
    for steps in told.values():
        assert [done for done, _ in steps] == sorted(done for done, _ in steps)
        assert steps[0][0] == 0.0
        assert steps[-1][0] == pytest.approx(steps[-1][1])


@pytest.mark.parametrize("seconds", [0.0, 31.0])
def test_chunks_longer_than_the_model_hears_are_refused(seconds: float) -> None:
    with pytest.raises(InvalidOption, match="chunk_seconds"):
        Recognizer(Script(SAID), AsrOptions(chunk_seconds=seconds))


class SmallScript(Script):
    """Hears no more than two chunks at once."""

    def encode(self, chunks: Sequence[ChunkAudio]) -> ScriptedBatch:
        if len(chunks) > 2:
            self.batches.append(len(chunks))
            message = "CUDA failed with error out of memory"
            raise RuntimeError(message)
        return super().encode(chunks)


def test_chunks_go_through_in_smaller_batches_where_memory_is_short() -> None:
    small = SmallScript(SAID)
    recognition = recognize(small, AsrOptions(batch_size=8, chunk_seconds=5.0))
    assert small.batches[:3] == [8, 4, 2]
    assert recognition.words == recognize(Script(SAID), AsrOptions(chunk_seconds=5.0)).words
    assert [notice.code for notice in recognition.notices] == ["memory_short"]


class SpoiledScript(Script):
    """Computes nothing in the thread in which memory once ran out."""

    here = threading.get_ident()

    def encode(self, chunks: Sequence[ChunkAudio]) -> ScriptedBatch:
        if threading.get_ident() == self.here:
            message = "could not create a primitive"
            raise RuntimeError(message)
        return super().encode(chunks)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("what", ["language", "sampled", "timed"])
def test_a_thread_that_computes_nothing_new_any_more_recognizes_as_any_other(what: str, shared: bool) -> None:
    """Where it tells the language, searches, samples and times words."""
    given = {
        "language": {"languages": ("en", "de"), "detects": {"en": 0.9, "de": 0.1}},
        "sampled": {"mistake": lambda chunk, request: looping(chunk, request, cured_at=0.4)},
        "timed": {},
    }[what]
    aligner = EvenAligner(fails_on="word") if what == "timed" else None

    def recognized(script: Script) -> Recognition:
        if not shared:
            return recognize(script, aligner=aligner)
        with (turnstile := Turnstile()).admitted() as guest:
            return recognize(script, aligner=aligner, batching=SharedBatches(script, turnstile).batching(guest))

    found = recognized(SpoiledScript(SAID, **given))  # type: ignore[arg-type]
    assert found == recognized(Script(SAID, **given))  # type: ignore[arg-type]
    assert (found.notices, len(found.words)) == ((), len(SAID))


class TightScript(Script):
    """Hears no chunk of more than so many seconds."""

    longest = 4.0

    def encode(self, chunks: Sequence[ChunkAudio]) -> ScriptedBatch:
        if max(len(chunk.samples) for chunk in chunks) > self.longest * SAMPLE_RATE:
            message = "std::bad_alloc"
            raise RuntimeError(message)
        return super().encode(chunks)


def test_chunks_become_shorter_where_there_is_no_memory_for_one() -> None:
    tight = TightScript(SAID)
    tight.longest = 7.5
    recognition = recognize(tight, AsrOptions(chunk_seconds=28.0))
    assert recognition.words == recognize(Script(SAID), AsrOptions(chunk_seconds=7.0)).words
    assert [notice.code for notice in recognition.notices] == ["memory_short"]
    assert "chunks of up to 7 s were used instead of 28 s" in recognition.notices[0].message


def test_chunks_become_shorter_where_already_the_language_cannot_be_heard() -> None:
    tight = TightScript(SAID, languages=("en", "de"), detects={"en": 0.9, "de": 0.1})
    tight.longest = 7.5
    recognition = recognize(tight, AsrOptions(chunk_seconds=28.0, language=None))
    assert recognition.words
    assert [notice.code for notice in recognition.notices if notice.code == "memory_short"] == ["memory_short"]


def test_chunks_become_shorter_where_there_is_no_memory_to_sample_them() -> None:
    def parched(chunk: Segment, request: DecodeRequest) -> Hypothesis | None:
        if chunk.duration <= 8.0:
            return None
        if request.temperature:
            message = "CUDA failed with error out of memory"
            raise RuntimeError(message)
        return looping(chunk, request, cured_at=9.0)

    recognition = recognize(Script(SAID, mistake=parched), AsrOptions(chunk_seconds=28.0))
    assert recognition.words == recognize(Script(SAID), AsrOptions(chunk_seconds=7.0)).words
    assert [notice.code for notice in recognition.notices] == ["memory_short"]


def test_chunks_do_not_become_so_short_that_nothing_can_be_understood() -> None:
    with pytest.raises(OutOfMemory):
        recognize(TightScript(SAID), AsrOptions(chunk_seconds=9.0))  # 5 s is the shortest; there is room for 4

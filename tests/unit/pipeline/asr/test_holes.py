from __future__ import annotations

import pytest

from pipeline.asr.backend import DecodeRequest, Hypothesis
from pipeline.asr.holes import find_holes, inserted
from pipeline.asr.recognition import Recognizer
from pipeline.asr.speech import SpeechClock
from pipeline.options import AsrOptions
from pipeline.types import RecognizedSegment, Segment, Timing, Word
from tests.unit.pipeline.asr.scripted import Script, clock_waveform, hypothesis

CHUNK = Segment(10.0, 30.0)
TALK = SpeechClock([Segment(10.0, 30.0)])
SAID = [(0.5 + 0.3 * number, f"word{number}") for number in range(90)]


def word(text: str, start: float, end: float) -> Word:
    return Word(text=text, start=start, end=end, confidence=0.9, timing=Timing.ALIGNED)


def segment(*words: Word) -> RecognizedSegment:
    return RecognizedSegment(
        start=words[0].start,
        end=words[-1].end,
        text=" ".join(each.text for each in words),
        words=words,
        avg_logprob=-0.2,
        no_speech_prob=0.1,
        compression_ratio=1.0,
        temperature=0.0,
    )


def evenly(start: float, end: float) -> list[Word]:
    return [word("w", start + 0.5 * n, start + 0.5 * (n + 1)) for n in range(int((end - start) / 0.5))]


def test_speech_between_words_is_a_hole() -> None:
    assert find_holes([*evenly(10, 15), *evenly(18, 30)], CHUNK, TALK) == [Segment(15.0, 18.0)]


def test_speech_before_the_first_and_after_the_last_word_is_a_hole() -> None:
    assert find_holes(evenly(12, 28), CHUNK, TALK) == [Segment(10.0, 12.0), Segment(28.0, 30.0)]


def test_silence_between_words_is_no_hole() -> None:
    clock = SpeechClock([Segment(10.0, 15.0), Segment(18.0, 30.0)])
    assert find_holes([*evenly(10, 15), *evenly(18, 30)], CHUNK, clock) == []


def test_a_word_stretched_over_speech_hides_no_hole() -> None:
    words = [*evenly(10, 15), word("long", 15, 20), *evenly(20, 30)]
    assert find_holes(words, CHUNK, TALK) == [Segment(15.8, 20.0)]


def test_a_hole_splits_the_segment_around_it() -> None:
    parts = inserted([segment(word("a", 10, 11), word("d", 15, 16))], [segment(word("b", 12, 13), word("c", 13, 14))])
    assert [part.text for part in parts] == ["a", "b c", "d"]
    assert [(part.start, part.end) for part in parts] == [(10, 12), (12, 14), (14, 16)]


def test_a_hole_at_the_edge_splits_nothing() -> None:
    parts = inserted([segment(word("a", 10, 11)), segment(word("c", 20, 21))], [segment(word("b", 12, 13))])
    assert [part.text for part in parts] == ["a", "b", "c"]


@pytest.mark.parametrize("said", ["Go home.", "he said"])
def test_a_hole_that_says_its_neighbours_again_is_left_out(said: str) -> None:
    """The words are there already, and were placed wrongly."""
    before = segment(word("go", 10, 11), word("home", 11, 12), word("he", 15, 16), word("said", 16, 17))
    new = segment(*(word(text, 13 + n, 14 + n) for n, text in enumerate(said.split())))
    assert inserted([before], [new]) == [before]


def skips(chunk: Segment, request: DecodeRequest, logprob: float) -> Hypothesis | None:
    """Skip eight words of a long chunk: too few to show in words a second. Hear a short one as badly as told."""
    heard = [number for number, (time, _) in enumerate(SAID) if chunk.start <= time + 0.1 < chunk.end]
    if chunk.duration > 10:
        return hypothesis(Script(SAID), [number for number in heard if not 40 <= number < 48], chunk, request)
    return hypothesis(Script(SAID), heard, chunk, request, logprob=logprob)


def test_a_short_stretch_that_was_skipped_is_found_by_its_hole() -> None:
    script = Script(SAID, mistake=lambda chunk, request: skips(chunk, request, -0.3))
    recognition = Recognizer(script, AsrOptions(chunk_seconds=28.0))(clock_waveform(28.0), [Segment(0.5, 27.5)])
    assert [each.text for each in recognition.words] == [text for _, text in SAID]
    starts = [each.start for each in recognition.words]
    assert starts == sorted(starts)


def test_what_is_heard_badly_in_a_hole_is_dropped_and_recorded() -> None:
    script = Script(SAID, mistake=lambda chunk, request: skips(chunk, request, -0.8))
    recognition = Recognizer(script, AsrOptions(chunk_seconds=28.0))(clock_waveform(28.0), [Segment(0.5, 27.5)])
    assert len(recognition.words) == len(SAID) - 8
    assert [span.reason for span in recognition.dropped] == ["low_logprob"]

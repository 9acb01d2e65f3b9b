"""Speech without words: what the recognizer skipped shows once words have times, and is decoded on its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pipeline.asr.batching import Decoded
from pipeline.asr.guards import Fault, compression_ratio, count_words, find_fault, letters, unsayable
from pipeline.asr.pieces import whole
from pipeline.asr.speech import SpeechClock
from pipeline.asr.word_times import WordTimer
from pipeline.options import AsrOptions
from pipeline.types import DroppedSpan, RecognizedSegment, Segment, Word

MIN_SPEECH = 1.2
"""Seconds of speech between two words that make a hole. On 27 minutes of composed conversation three stretches had
more, and words were missing in each of them; words a second of speech had given none of the three away."""
_LONGEST_WORD = 0.8
# Seconds a word is credited with at most: aligners stretch the word before a hole into it.
_CLEARLY_HEARD = -0.6
# Text of a hole has to be likelier than that of a whole chunk. Skipped sentences came back at -0.17 to -0.35; of ten
# texts below -0.6, made of laughter, second voices and half words, one had been said.


def find_holes(words: Sequence[Word], chunk: Segment, clock: SpeechClock) -> list[Segment]:
    """Give the stretches of a chunk with much speech and no word, in order."""
    ends = [chunk.start, *(min(word.end, word.start + _LONGEST_WORD) for word in words)]
    starts = [*(word.start for word in words), chunk.end]
    gaps = [Segment(end, start) for end, start in zip(ends, starts, strict=True)]
    return [gap for gap in gaps if clock.seconds(gap) > MIN_SPEECH]


def fill_holes(
    holes: Sequence[Segment], timer: WordTimer, clock: SpeechClock, options: AsrOptions
) -> tuple[list[RecognizedSegment], list[DroppedSpan]]:
    """Decode holes: what was said there, with timed words, and the text that a guard refuses."""
    found: list[RecognizedSegment] = []
    dropped: list[DroppedSpan] = []
    language = timer.decoder.request.language
    filled = [decoded for batch in timer.decoder.decode(holes) for decoded in batch]
    for decoded in sorted(filled, key=lambda decoded: decoded.chunk):
        refused = _refused(decoded, language, clock, options)
        if refused is None:
            found += timer.segments(decoded.chunk, [whole(decoded.chunk, decoded.hypothesis, decoded.words)])
        elif decoded.hypothesis.text:
            dropped.append(refused)
    return found, dropped


def _refused(decoded: Decoded, language: str, clock: SpeechClock, options: AsrOptions) -> DroppedSpan | None:
    hypothesis = decoded.hypothesis
    words = count_words(hypothesis.text, language)
    fault = find_fault(hypothesis, words, clock.seconds(decoded.chunk), options)
    fault = fault or unsayable(hypothesis.text, hypothesis.no_speech_prob, options)
    if fault is None and hypothesis.avg_logprob < _CLEARLY_HEARD:
        fault = Fault.LOW_LOGPROB
    return None if fault is None else whole(decoded.chunk, hypothesis).dropped(fault)


def inserted(segments: Sequence[RecognizedSegment], found: Sequence[RecognizedSegment]) -> list[RecognizedSegment]:
    """Put found segments between the words around them, splitting the segments that hold those.

    A segment that says what the words right before or after it say is left out: they were placed wrongly.
    """
    out = list(segments)
    for new in found:
        if _says_its_neighbours(out, new):
            continue
        parts: list[RecognizedSegment] = []
        for segment in out:
            before = tuple(word for word in segment.words if word.start < new.start)
            after = segment.words[len(before) :]
            if before and after:
                parts += [_part(segment, before, segment.start, new.start), _part(segment, after, new.end, segment.end)]
            else:
                parts.append(segment)
        out = sorted([*parts, new], key=lambda segment: segment.words[0].start)
    return out


def _says_its_neighbours(segments: Sequence[RecognizedSegment], new: RecognizedSegment) -> bool:
    words = [word for segment in segments for word in segment.words]
    at = sum(word.start < new.start for word in words)
    said = _letters(new.words)
    return said in (_letters(words[max(0, at - len(said)) : at]), _letters(words[at : at + len(said)]))


def _letters(words: Sequence[Word]) -> list[str]:
    return [letters(word.text) for word in words]


def _part(segment: RecognizedSegment, words: tuple[Word, ...], start: float, end: float) -> RecognizedSegment:
    text = " ".join(word.text for word in words)
    return replace(
        segment,
        start=start,
        end=max(end, words[-1].end),
        text=text,
        words=words,
        compression_ratio=compression_ratio(text),
    )

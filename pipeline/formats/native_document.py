"""From a transcript to the plain values of the native JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pipeline.formats.clock import milliseconds, on_grid, stretch, turns_on_grid
from pipeline.formats.word_positions import WordPositions
from pipeline.types import (
    DroppedSpan,
    Notice,
    Provenance,
    RecognizedSegment,
    Speaker,
    SpeakerEvidence,
    Transcript,
    Turn,
    Utterance,
    Word,
)

SCHEMA_VERSION = 1
"""Grows when a key changes its meaning or goes away."""
EMBEDDING_DECIMALS = 6
"""More than the precision of float32 in a unit vector of 192 numbers or more."""


def document(transcript: Transcript) -> dict[str, Any]:
    """Return the native JSON as plain values; lists, dicts, strings, numbers, booleans and None."""
    diarization = transcript.diarization
    positions = WordPositions(transcript.words)
    return {
        "schema_version": SCHEMA_VERSION,
        "uri": transcript.uri,
        "duration": on_grid(transcript.duration),
        "channels": transcript.channels,
        "language": transcript.language,
        "language_confidence": _optional_probability(transcript.language_confidence),
        "text": transcript.text,
        "words": [plain_word(word) for word in transcript.words],
        "utterances": [plain_utterance(item, positions.of_utterance(item)) for item in transcript.utterances],
        "segments": [_segment(item, positions.of_segment(item)) for item in transcript.segments],
        "speakers": [_speaker(speaker) for speaker in diarization.speakers],
        "turns": [_turn(turn) for turn in turns_on_grid(diarization.turns)],
        "exclusive_turns": [_turn(turn) for turn in turns_on_grid(diarization.exclusive)],
        "speech": [_times(item.start, item.end) for item in transcript.speech],
        "dropped": [_dropped(span) for span in transcript.dropped],
        "warnings": _warnings([*transcript.notices, *diarization.notices]),
        "provenance": _provenance(transcript.provenance),
    }


def _times(start: float, end: float) -> dict[str, float]:
    first, last = stretch(start, end)
    return {"start": first / 1000, "end": last / 1000}


def _probability(value: float) -> float:
    # In this order NaN stays NaN, which JSON refuses; the other way round it would become a probability of 0.
    return round(min(max(value, 0.0), 1.0), 4)


def _optional_probability(value: float | None) -> float | None:
    return None if value is None else _probability(value)


def plain_word(word: Word) -> dict[str, Any]:
    """Return one word as plain values."""
    return {
        "text": word.text,
        **_times(word.start, word.end),
        "confidence": _probability(word.confidence),
        "timing": str(word.timing),
        "channel": word.channel,
        "speaker": word.speaker,
        "evidence": None if word.evidence is None else _evidence(word.evidence),
    }


def _evidence(evidence: SpeakerEvidence) -> dict[str, Any]:
    return {
        "confidence": _probability(evidence.confidence),
        "margin": _probability(evidence.margin),
        "overlap": _probability(evidence.overlap),
        "method": str(evidence.method),
    }


def plain_utterance(utterance: Utterance, words: Sequence[int]) -> dict[str, Any]:
    """Return one utterance as plain values; `words` are the positions of its words in the transcript.

    All figures are made from the words as they are written, so that a reader finds the same from the words.
    """
    overlaps = [_probability(word.evidence.overlap) for word in utterance.words if word.evidence]
    times = [stretch(word.start, word.end) for word in utterance.words]
    return {
        "speaker": utterance.speaker,
        "channel": utterance.channel,
        "start": times[0][0] / 1000,
        "end": max(end for _, end in times) / 1000,
        "text": utterance.text,
        "confidence": _probability(sum(_probability(word.confidence) for word in utterance.words) / len(times)),
        "overlap": _probability(sum(overlaps) / len(times)),
        "words": list(words),
    }


def _segment(segment: RecognizedSegment, words: Sequence[int]) -> dict[str, Any]:
    return {
        **_times(segment.start, segment.end),
        "text": segment.text,
        "channel": segment.channel,
        "avg_logprob": round(segment.avg_logprob, 4),
        "no_speech_prob": _probability(segment.no_speech_prob),
        "compression_ratio": round(segment.compression_ratio, 4),
        "temperature": round(segment.temperature, 4),
        "words": list(words),
    }


def _speaker(speaker: Speaker) -> dict[str, Any]:
    embedding = speaker.embedding
    return {
        "label": speaker.label,
        "speech_seconds": on_grid(speaker.speech_seconds),
        "channel": speaker.channel,
        "embedding": None if embedding is None else [round(value, EMBEDDING_DECIMALS) for value in embedding],
    }


def _turn(turn: Turn) -> dict[str, Any]:
    return {
        "start": milliseconds(turn.start) / 1000,
        "end": milliseconds(turn.end) / 1000,
        "speaker": turn.speaker,
        "confidence": _optional_probability(turn.confidence),
        "channel": turn.channel,
    }


def _dropped(span: DroppedSpan) -> dict[str, Any]:
    return {**_times(span.start, span.end), "text": span.text, "reason": span.reason, "channel": span.channel}


def _warnings(notices: Iterable[Notice]) -> list[dict[str, str]]:
    """Every notice once, in order."""
    return [{"code": notice.code, "message": notice.message} for notice in dict.fromkeys(notices)]


def _provenance(provenance: Provenance) -> dict[str, Any]:
    return {
        "version": provenance.version,
        "models": [{"kind": model.kind, "name": model.name, "sha256": model.sha256} for model in provenance.models],
        "options": dict(provenance.options),
        "device": provenance.device,
        "stage_seconds": {stage: round(seconds, 3) for stage, seconds in provenance.stage_seconds.items()},
    }

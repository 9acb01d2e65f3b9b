"""From the plain values of the native JSON back to a transcript, and to the shapes it is made of.

Raises KeyError, TypeError, ValueError or IndexError on values that are not what the schema says; `native.parse` turns
them into one error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.formats.native_document import SCHEMA_VERSION
from pipeline.types import (
    AttributionMethod,
    Diarization,
    DroppedSpan,
    ModelRecord,
    Notice,
    Provenance,
    RecognizedSegment,
    Segment,
    Speaker,
    SpeakerEvidence,
    Timing,
    Transcript,
    Turn,
    Utterance,
    Word,
)

Plain = Mapping[str, Any]


def transcript(plain: Plain) -> Transcript:
    """Build a transcript from the parsed JSON."""
    if plain["schema_version"] != SCHEMA_VERSION:
        message = f"schema version {plain['schema_version']!r} is not {SCHEMA_VERSION}"
        raise ValueError(message)
    words = tuple(word(item) for item in plain["words"])
    return Transcript(
        uri=text(plain["uri"]),
        duration=_number(plain["duration"]),
        channels=int(_number(plain["channels"])),
        language=text(plain["language"]),
        language_confidence=optional_number(plain["language_confidence"]),
        words=words,
        utterances=tuple(_utterance(item, words) for item in plain["utterances"]),
        segments=tuple(segment(item, words) for item in plain["segments"]),
        diarization=_diarization(plain),
        speech=tuple(Segment(_number(item["start"]), _number(item["end"])) for item in plain["speech"]),
        dropped=tuple(dropped_span(item) for item in plain["dropped"]),
        notices=tuple(notice(item) for item in plain["warnings"]),
        provenance=_provenance(plain["provenance"]),
    )


def text(value: object) -> str:
    """Pass on what is text; raises TypeError for anything else."""
    if not isinstance(value, str):
        message = f"{value!r} is not text"
        raise TypeError(message)
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        message = f"{value!r} is not a number"
        raise TypeError(message)
    return float(value)


def _optional_text(value: object) -> str | None:
    return None if value is None else text(value)


def optional_number(value: object) -> float | None:
    """Pass on what is a number, as a float, or None; raises TypeError for anything else."""
    return None if value is None else _number(value)


def _channel(value: object) -> int | None:
    return None if value is None else int(_number(value))


def word(item: Plain) -> Word:
    """Build one word."""
    evidence = item["evidence"]
    return Word(
        text=text(item["text"]),
        start=_number(item["start"]),
        end=_number(item["end"]),
        confidence=_number(item["confidence"]),
        timing=Timing(item["timing"]),
        channel=_channel(item["channel"]),
        speaker=_optional_text(item["speaker"]),
        evidence=None if evidence is None else _evidence(evidence),
    )


def _evidence(item: Plain) -> SpeakerEvidence:
    return SpeakerEvidence(
        confidence=_number(item["confidence"]),
        margin=_number(item["margin"]),
        overlap=_number(item["overlap"]),
        method=AttributionMethod(item["method"]),
    )


def _picked(words: Sequence[Word], positions: Sequence[int]) -> tuple[Word, ...]:
    """The words at `positions`, none of which may count from the end."""
    if any(position < 0 for position in positions):
        message = "a position of a word is negative"
        raise IndexError(message)
    return tuple(words[position] for position in positions)


def _utterance(item: Plain, words: Sequence[Word]) -> Utterance:
    picked = _picked(words, item["words"])
    if not picked:
        message = "an utterance has no words"
        raise ValueError(message)
    return Utterance(speaker=_optional_text(item["speaker"]), words=picked, channel=_channel(item["channel"]))


def segment(item: Plain, words: Sequence[Word]) -> RecognizedSegment:
    """Build one recognizer segment, whose words are positions in `words`."""
    return RecognizedSegment(
        start=_number(item["start"]),
        end=_number(item["end"]),
        text=text(item["text"]),
        words=_picked(words, item["words"]),
        avg_logprob=_number(item["avg_logprob"]),
        no_speech_prob=_number(item["no_speech_prob"]),
        compression_ratio=_number(item["compression_ratio"]),
        temperature=_number(item["temperature"]),
        channel=_channel(item["channel"]),
    )


def _diarization(plain: Plain) -> Diarization:
    return Diarization(
        turns=tuple(turn(item) for item in plain["turns"]),
        exclusive=tuple(turn(item) for item in plain["exclusive_turns"]),
        speakers=tuple(speaker(item) for item in plain["speakers"]),
    )


def turn(item: Plain) -> Turn:
    """Build one turn."""
    return Turn(
        start=_number(item["start"]),
        end=_number(item["end"]),
        speaker=text(item["speaker"]),
        confidence=optional_number(item["confidence"]),
        channel=_channel(item["channel"]),
    )


def speaker(item: Plain) -> Speaker:
    """Build one speaker."""
    embedding = item["embedding"]
    return Speaker(
        label=text(item["label"]),
        speech_seconds=_number(item["speech_seconds"]),
        embedding=None if embedding is None else tuple(_number(value) for value in embedding),
        channel=_channel(item["channel"]),
    )


def dropped_span(item: Plain) -> DroppedSpan:
    """Build one span that was dropped."""
    return DroppedSpan(
        start=_number(item["start"]),
        end=_number(item["end"]),
        text=text(item["text"]),
        reason=text(item["reason"]),
        channel=_channel(item["channel"]),
    )


def notice(item: Plain) -> Notice:
    """Build one notice."""
    return Notice(text(item["code"]), text(item["message"]))


def _provenance(item: Plain) -> Provenance:
    return Provenance(
        version=text(item["version"]),
        models=tuple(
            ModelRecord(kind=text(model["kind"]), name=text(model["name"]), sha256=_optional_text(model["sha256"]))
            for model in item["models"]
        ),
        options=dict(item["options"]),
        device=text(item["device"]),
        stage_seconds={stage: _number(seconds) for stage, seconds in item["stage_seconds"].items()},
    )

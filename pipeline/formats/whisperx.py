"""The JSON that WhisperX writes: `segments` with their `words`, the same words in `word_segments`, and `language`.

A segment here is an utterance, so that it has one speaker. As in WhisperX, a key without a value is left out.
"""

from __future__ import annotations

import json
from typing import Any

from pipeline.formats.clock import stretch
from pipeline.types import Transcript, Utterance, Word


def encode(transcript: Transcript) -> str:
    """Write a transcript as WhisperX would; float seconds."""
    segments = [_segment(utterance) for utterance in transcript.utterances]
    document = {
        "segments": segments,
        "word_segments": [_word(word) for word in transcript.words],
        "language": transcript.language,
    }
    return json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n"


def _segment(utterance: Utterance) -> dict[str, Any]:
    start, end = stretch(utterance.start, utterance.end)
    words = [_word(word) for word in utterance.words]
    return {"start": start / 1000, "end": end / 1000, "text": utterance.text, "words": words} | _speaker(utterance)


def _word(word: Word) -> dict[str, Any]:
    start, end = stretch(word.start, word.end)
    score = round(word.confidence, 3)
    return {"word": word.text, "start": start / 1000, "end": end / 1000, "score": score} | _speaker(word)


def _speaker(item: Word | Utterance) -> dict[str, str]:
    return {} if item.speaker is None else {"speaker": item.speaker}

"""JSON Lines: one utterance a line, for programs that read a result piece by piece.

`{"speaker", "channel", "start", "end", "text", "confidence", "overlap", "words": [...]}`, in order of start. Keys,
units and rounding are those of the native JSON's utterances and words; here each utterance holds its words themselves.
"""

from __future__ import annotations

import json
from typing import Final

from pipeline.formats.native_document import plain_utterance, plain_word
from pipeline.types import Transcript, Utterance

BREAKS: Final = str.maketrans({mark: f"\\u{ord(mark):04x}" for mark in "\x85\u2028\u2029"})
"""Characters that JSON leaves as they are and that some readers take for the end of a line."""


def encode(transcript: Transcript) -> str:
    """Write a line for each utterance. Raises ValueError where a number is not finite."""
    return "".join(_line(item) for item in transcript.utterances)


def _line(item: Utterance) -> str:
    plain = plain_utterance(item, ()) | {"words": [plain_word(one) for one in item.words]}
    return json.dumps(plain, ensure_ascii=False, allow_nan=False).translate(BREAKS) + "\n"

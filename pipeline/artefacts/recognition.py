"""What was said, as JSON in gzip (`packed_json`); 4 kB a minute of lively talk (25 kB unpacked).

`{kind: "recognition", version: 1, duration, seconds, words[], segments[], dropped[], language, language_confidence,
notices[]}`. As in the native JSON, whose items these are, each word stands once, in `words`, and a segment names its
words by position in that list; unlike there nothing is rounded, and words have no speaker yet. `duration` are the
seconds of audio, `seconds` those that the stage took.
"""

from __future__ import annotations

from dataclasses import asdict
from itertools import accumulate
from typing import Any

from pipeline.artefacts.artefact import Made
from pipeline.artefacts.packed_json import pack, unpack
from pipeline.errors import MalformedFile
from pipeline.formats import native_reading as native
from pipeline.types import Recognition, RecognizedSegment

KIND = "recognition"


def encode(recognition: Recognition, made: Made) -> bytes:
    """Write a recognition. Raises ValueError where a number is not finite."""
    firsts = accumulate((len(segment.words) for segment in recognition.segments), initial=0)
    plain = {
        "words": [asdict(word) for word in recognition.words],
        "segments": [_segment(segment, first) for segment, first in zip(recognition.segments, firsts, strict=False)],
        "dropped": [asdict(span) for span in recognition.dropped],
        "language": recognition.language,
        "language_confidence": recognition.language_confidence,
        "notices": [asdict(notice) for notice in recognition.notices],
    }
    return pack(KIND, plain, made)


def decode(content: bytes) -> tuple[Recognition, Made]:
    """Read what `encode` wrote; raises `MalformedFile` for anything else."""
    plain, made = unpack(KIND, content)
    try:
        words = tuple(native.word(item) for item in plain["words"])
        recognition = Recognition(
            segments=tuple(native.segment(item, words) for item in plain["segments"]),
            dropped=tuple(native.dropped_span(item) for item in plain["dropped"]),
            language=native.text(plain["language"]),
            language_confidence=native.optional_number(plain["language_confidence"]),
            notices=tuple(native.notice(item) for item in plain["notices"]),
        )
    except (IndexError, KeyError, TypeError, ValueError) as error:
        message = f"not a recognition: {error!r}"
        raise MalformedFile(message) from error
    return recognition, made


def _segment(segment: RecognizedSegment, first: int) -> dict[str, Any]:
    """A segment whose words are numbers, from `first` on."""
    return asdict(segment) | {"words": list(range(first, first + len(segment.words)))}

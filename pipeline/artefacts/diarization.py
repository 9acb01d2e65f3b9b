"""Who spoke when, as JSON in gzip (`packed_json`); 2 kB a minute of lively talk.

`{kind: "diarization", version: 1, duration, seconds, turns[], exclusive[], speakers[], notices[]}`. The items are those
of the native JSON (`turns`, `exclusive_turns`, `speakers`, `warnings`) with all their digits: nothing is rounded.
`duration` are the seconds of audio, `seconds` those that the stage took.
"""

from __future__ import annotations

from dataclasses import asdict

from pipeline.artefacts.artefact import Made
from pipeline.artefacts.packed_json import pack, unpack
from pipeline.errors import MalformedFile
from pipeline.formats import native_reading as native
from pipeline.types import Diarization

KIND = "diarization"


def encode(diarization: Diarization, made: Made) -> bytes:
    """Write a diarization. Raises ValueError where a number is not finite."""
    return pack(KIND, asdict(diarization), made)


def decode(content: bytes) -> tuple[Diarization, Made]:
    """Read what `encode` wrote; raises `MalformedFile` for anything else."""
    plain, made = unpack(KIND, content)
    try:
        diarization = Diarization(
            turns=tuple(native.turn(item) for item in plain["turns"]),
            exclusive=tuple(native.turn(item) for item in plain["exclusive"]),
            speakers=tuple(native.speaker(item) for item in plain["speakers"]),
            notices=tuple(native.notice(item) for item in plain["notices"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        message = f"not a diarization: {error!r}"
        raise MalformedFile(message) from error
    return diarization, made

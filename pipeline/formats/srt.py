"""SubRip subtitles: numbered cues from 1, `HH:MM:SS,mmm`, the speaker as `Name: ` before the text."""

from __future__ import annotations

from pipeline.formats.clock import clock
from pipeline.formats.cues import Cue, CueLimits, build_cues, name_prefix
from pipeline.types import Transcript

ANGLES = str.maketrans("<>", "\u2039\u203a")
"""SubRip cannot escape. Players take `<` for markup and `-->` for times, so the brackets become guillemets."""


def encode(transcript: Transcript) -> str:
    """Write the utterances of a transcript as SubRip cues."""
    cues = build_cues(transcript.utterances, CueLimits(), name_in_text=True)
    return "\n".join(_block(number, cue) for number, cue in enumerate(cues, start=1))


def _block(number: int, cue: Cue) -> str:
    text = (name_prefix(cue.speaker) + "\n".join(cue.lines)).translate(ANGLES)
    times = f"{clock(cue.start, ',')} --> {clock(cue.end, ',')}"
    return f"{number}\n{times}\n{text}\n"

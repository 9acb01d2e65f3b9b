"""WebVTT subtitles (W3C): `HH:MM:SS.mmm`, the speaker as a voice span, text escaped."""

from __future__ import annotations

from pipeline.formats.clock import clock
from pipeline.formats.cues import Cue, CueLimits, build_cues, shown_name
from pipeline.types import Transcript

ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
"""With every `>` escaped, text cannot hold `-->` either."""


def encode(transcript: Transcript) -> str:
    """Write the utterances of a transcript as WebVTT cues with voice spans."""
    cues = build_cues(transcript.utterances, CueLimits(), name_in_text=False)
    return "\n".join(["WEBVTT\n", *(_block(cue) for cue in cues)])


def _block(cue: Cue) -> str:
    times = f"{clock(cue.start)} --> {clock(cue.end)}"
    return f"{times}\n{_voice(cue.speaker)}{_escaped(chr(10).join(cue.lines))}\n"


def _voice(speaker: str | None) -> str:
    """Open a voice span over the whole cue; such a span needs no end tag."""
    name = _escaped(shown_name(speaker))
    return f"<v {name}>" if name else ""


def _escaped(text: str) -> str:
    return text.translate(ESCAPES)

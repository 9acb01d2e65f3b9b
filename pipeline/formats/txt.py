"""Plain text to read: one utterance a line, with its time and speaker."""

from __future__ import annotations

from pipeline.formats.clock import short_clock
from pipeline.formats.printable import printable
from pipeline.types import Transcript

HOUR = 3600
NOBODY = "(unknown)"


def encode(transcript: Transcript) -> str:
    """Write `[0:06 - 0:09] SPEAKER_00: text` for each utterance; hours appear in recordings of an hour or more."""
    hours = transcript.duration >= HOUR
    lines = []
    for utterance in transcript.utterances:
        times = f"{short_clock(utterance.start, hours=hours)} - {short_clock(utterance.end, hours=hours)}"
        speaker = NOBODY if utterance.speaker is None else " ".join(utterance.speaker.split())
        text = " ".join(utterance.text.split())
        lines.append(printable(f"[{times}] {speaker}: {text}\n"))
    return "".join(lines)

"""Rich Transcription Time Marked (NIST RT-09 evaluation plan, appendix A): the turns of a diarization.

One line a turn, ten fields: `SPEAKER <uri> <channel> <start> <duration> <NA> <NA> <speaker> <NA> <NA>`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.errors import MalformedFile
from pipeline.formats.clock import milliseconds, turns_on_grid
from pipeline.formats.tokens import channel_field, speaker_tokens, uri_token
from pipeline.types import Transcript, Turn

FIELDS = 8
"""A line must reach the speaker; the two fields after it are often left out."""
MICROSECOND = 6
"""Decimals kept of start + duration, so that a turn ends exactly where the next begins (0.1 + 0.2 > 0.3)."""


def encode(transcript: Transcript) -> str:
    """Write the regular (overlapping) turns of a transcript."""
    return encode_turns(transcript.diarization.turns, transcript.uri)


def encode_exclusive(transcript: Transcript) -> str:
    """Write the exclusive turns of a transcript: at most one speaker at any time."""
    return encode_turns(transcript.diarization.exclusive, transcript.uri)


def encode_turns(turns: Sequence[Turn], uri: str) -> str:
    """Write turns in order of start. White space in labels and in `uri` becomes an underscore."""
    labels = speaker_tokens(turn.speaker for turn in turns)
    recording = uri_token(uri)
    lines = []
    for turn in turns_on_grid(turns):
        start, end = milliseconds(turn.start), milliseconds(turn.end)
        lines.append(
            f"SPEAKER {recording} {channel_field(turn.channel)} {start / 1000:.3f} {(end - start) / 1000:.3f}"
            f" <NA> <NA> {labels[turn.speaker]} <NA> <NA>\n"
        )
    return "".join(lines)


def parse(text: str) -> dict[str, tuple[Turn, ...]]:
    """Read the turns of every recording in `text`, in order of start.

    Fields may be separated by any white space; lines of other types and comments (`;;`) are passed over. A recording
    whose turns are all on channel 1 has no channels to tell apart: its turns carry None.
    Raises `MalformedFile` where a SPEAKER line cannot be read.
    """
    found: dict[str, list[Turn]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        fields = line.split()
        if fields and fields[0] == "SPEAKER":
            entry = _read(fields, number)
            found.setdefault(entry.uri, []).append(entry.turn)
    return {uri: _without_lone_channel(turns) for uri, turns in found.items()}


@dataclass(frozen=True, slots=True)
class _Entry:
    uri: str
    turn: Turn


def _read(fields: Sequence[str], number: int) -> _Entry:
    """One SPEAKER line."""
    try:
        _, uri, channel, start, duration, _, _, speaker = fields[:FIELDS]
        begin, length = float(start), float(duration)
        place = None if channel == "<NA>" else max(0, int(channel) - 1)
    except ValueError as error:
        message = f"RTTM line {number} is not `SPEAKER uri channel start duration <NA> <NA> speaker ...`"
        raise MalformedFile(message) from error
    if not (begin >= 0 and 0 <= length < float("inf")):
        message = f"RTTM line {number}: start and duration must be seconds, 0 or more"
        raise MalformedFile(message)
    end = round(begin + length, MICROSECOND)
    return _Entry(uri, Turn(start=begin, end=end, speaker=speaker, channel=place))


def _without_lone_channel(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """Sort by start, and forget the channel where there is only the first."""
    several = any(turn.channel for turn in turns)
    named = (
        Turn(start=turn.start, end=turn.end, speaker=turn.speaker, channel=turn.channel if several else None)
        for turn in turns
    )
    return tuple(sorted(named, key=lambda turn: (turn.start, turn.end)))

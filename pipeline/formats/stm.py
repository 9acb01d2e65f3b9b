"""Segment Time Marked (NIST sclite): one line an utterance.

`<uri> <channel> <speaker> <start> <end> [<label>] <text>`, times in seconds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.errors import MalformedFile
from pipeline.formats.clock import stretch
from pipeline.formats.ctm import parse_channel
from pipeline.formats.tokens import channel_field, speaker_tokens, uri_token
from pipeline.types import Transcript

FIELDS = 5
"""Fields before the label or the text."""
LABEL = re.compile(r"<[^<>\s]*>(?=\s|$)")
"""Conditions such as `<o,f0,male>` that may stand before the text."""
NOT_SCORED = "ignore_time_segment_in_scoring"
"""Text of stretches that nobody transcribed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenUtterance:
    """One line of an STM file."""

    channel: int
    """Counted from 1."""
    speaker: str
    start: float
    end: float
    text: str


def encode(transcript: Transcript) -> str:
    """Write the utterances of a transcript by channel, in order of start."""
    uri = uri_token(transcript.uri)
    labels = speaker_tokens([*transcript.diarization.labels, *(item.speaker for item in transcript.utterances)])
    lines = []
    for utterance in sorted(transcript.utterances, key=lambda item: (channel_field(item.channel), item.start)):
        start, end = stretch(utterance.start, utterance.end)
        text = " ".join(utterance.text.split())
        # A first word in angle brackets would be read as the label, so it gets a label of its own before it.
        label = "<NA> " if LABEL.match(text) else ""
        lines.append(
            f"{uri} {channel_field(utterance.channel)} {labels[utterance.speaker]}"
            f" {start / 1000:.3f} {end / 1000:.3f} {label}{text}\n"
        )
    return "".join(lines)


def parse(text: str) -> dict[str, tuple[SpokenUtterance, ...]]:
    """Read the utterances of every recording in `text`, in order of start, then end, speaker and text.

    Comments (`;;`), utterances without a word and stretches marked as not scored are passed over. Raises
    `MalformedFile` where a line cannot be read.
    """
    found: dict[str, list[SpokenUtterance]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        fields = line.split(None, FIELDS)
        if not fields or fields[0].startswith(";"):
            continue
        try:
            utterance = _read(fields)
        except ValueError as error:
            message = f"STM line {number} is not `uri channel speaker start end [<label>] text`"
            raise MalformedFile(message) from error
        if utterance.text and utterance.text.lower() != NOT_SCORED:
            found.setdefault(fields[0], []).append(utterance)
    return {uri: tuple(sorted(items, key=_order)) for uri, items in found.items()}


def _read(fields: list[str]) -> SpokenUtterance:
    _, channel, speaker, start, end = fields[:FIELDS]
    text = fields[FIELDS] if len(fields) > FIELDS else ""
    return SpokenUtterance(
        channel=parse_channel(channel),
        speaker=speaker,
        start=float(start),
        end=float(end),
        text=" ".join(LABEL.sub("", text, count=1).split()) if LABEL.match(text) else " ".join(text.split()),
    )


def _order(utterance: SpokenUtterance) -> tuple[float, float, str, str]:
    return utterance.start, utterance.end, utterance.speaker, utterance.text

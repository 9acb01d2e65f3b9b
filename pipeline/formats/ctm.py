"""Conversation Time Marked (NIST sclite): one line a word: `<uri> <channel> <start> <duration> <word> <confidence>`."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.errors import MalformedFile
from pipeline.formats.clock import stretch
from pipeline.formats.tokens import channel_field, token, uri_token
from pipeline.types import Transcript, Word

FIELDS = 5
"""A line must reach the word; the confidence may be left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedWord:
    """One line of a CTM file."""

    channel: int
    """Counted from 1."""
    start: float
    end: float
    text: str
    confidence: float | None
    """None where the sixth field is absent or holds something else."""


def encode(transcript: Transcript) -> str:
    """Write the words of a transcript by channel, in order of start. Words without a character are left out."""
    uri = uri_token(transcript.uri)
    words = sorted(transcript.words, key=lambda word: (channel_field(word.channel), word.start))
    return "".join(_line(uri, word) for word in words if word.text.strip())


def _line(uri: str, word: Word) -> str:
    start, end = stretch(word.start, word.end)
    text = token(word.text, "")
    times = f"{start / 1000:.3f} {(end - start) / 1000:.3f}"
    return f"{uri} {channel_field(word.channel)} {times} {text} {word.confidence:.4f}\n"


def parse(text: str) -> dict[str, tuple[TimedWord, ...]]:
    """Read the words of every recording in `text`, in order of start; comments (`;;`) are passed over.

    Channels may be numbers or the letters A and B. Raises `MalformedFile` where a line cannot be read.
    """
    found: dict[str, list[TimedWord]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        fields = line.split()
        if not fields or fields[0].startswith(";;"):
            continue
        try:
            found.setdefault(fields[0], []).append(_read(fields))
        except ValueError as error:
            message = f"CTM line {number} is not `uri channel start duration word [confidence]`"
            raise MalformedFile(message) from error
    return {uri: tuple(sorted(words, key=lambda word: word.start)) for uri, words in found.items()}


def parse_channel(field: str) -> int:
    """1 for `1` or `A`, 2 for `2` or `B`, …; raises ValueError for anything else."""
    return ord(field) - ord("A") + 1 if len(field) == 1 and "A" <= field <= "Z" else int(field)


def _read(fields: list[str]) -> TimedWord:
    _, channel, start, duration, word = fields[:FIELDS]
    return TimedWord(
        channel=parse_channel(channel),
        start=float(start),
        end=float(start) + float(duration),
        text=word,
        confidence=_confidence(fields[FIELDS]) if len(fields) > FIELDS else None,
    )


def _confidence(field: str) -> float | None:
    """The sixth field as a number; some corpora keep the speaker there."""
    try:
        return float(field)
    except ValueError:
        return None

"""What is scored: a recording as a reference or as a hypothesis, whichever file it came from."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.types import Segment, Transcript, Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenWord:
    """One word with its speaker and times as far as they are known."""

    text: str
    start: float
    """Of the word, or of its utterance where only that is known; seconds."""
    end: float
    speaker: str | None = None
    channel: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One recording; None stands for what is not known, an empty tuple for what is not there."""

    uri: str
    turns: tuple[Turn, ...] | None = None
    words: tuple[SpokenWord, ...] | None = None
    """In the order in which they are read: utterances by start, words as written."""
    timed: tuple[SpokenWord, ...] | None = None
    """Words with times of their own, in order of start."""
    scored: tuple[Segment, ...] | None = None
    """Stretches that count for diarization; None: all of it."""

    @staticmethod
    def of(transcript: Transcript) -> Recording:
        """Take turns and words from a transcript; words in order of start."""
        ordered = sorted(transcript.words, key=lambda word: word.start)
        words = tuple(
            SpokenWord(text=word.text, start=word.start, end=word.end, speaker=word.speaker, channel=word.channel)
            for word in ordered
        )
        return Recording(uri=transcript.uri, turns=transcript.diarization.turns, words=words, timed=words)

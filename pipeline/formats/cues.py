"""Subtitle cues: utterances cut into pieces that can be read while they are heard.

Limits follow broadcasters' subtitle guides: two lines of 42 characters, at most seven seconds on screen. Where to cut
is chosen for the whole utterance at once (shortest path over its words), so that cues end at sentence ends and pauses
and no single word is left over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from pipeline.formats.clock import stretch
from pipeline.formats.cue_lines import fits, split_lines
from pipeline.formats.printable import printable
from pipeline.types import Utterance, Word

SENTENCE_END = (".", "?", "!", "…", "。", "？", "！")
CLAUSE_END = (",", ";", ":", "—", "、", "，", "；")  # noqa: RUF001 - Chinese and Japanese punctuation


@dataclass(frozen=True, kw_only=True)
class CueLimits:
    """What can be read at a glance."""

    line_length: int = 42
    """Characters a line, with the speaker's name where the format writes it into the text."""
    lines: int = 2
    seconds: float = 7.0
    """Longest time on screen."""
    min_seconds: float = 1.0
    """Shorter cues stay on screen this long where nothing follows sooner."""
    pause: float = 0.4
    """A pause between words, in seconds, that is as good a place to cut as the end of a clause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """One subtitle."""

    start: int
    """Milliseconds."""
    end: int
    """Milliseconds, after start."""
    speaker: str | None
    lines: tuple[str, ...]


def build_cues(utterances: Iterable[Utterance], limits: CueLimits, *, name_in_text: bool) -> tuple[Cue, ...]:
    """Cut utterances into cues, in order of start.

    Cues of one utterance never overlap; those of people who talk at once do, as they did. `name_in_text` leaves room
    for `Name: ` at the head of each cue; the format writes it.
    """
    cues = [cue for utterance in utterances for cue in _cut(utterance, limits, name_in_text=name_in_text)]
    cues.sort(key=lambda cue: (cue.start, cue.end))
    return tuple(_linger(cues, round(limits.min_seconds * 1000)))


def shown_name(speaker: str | None) -> str:
    """The speaker's name on one line; empty where nobody is known to speak."""
    return "" if speaker is None else " ".join(printable(speaker).split())


def name_prefix(speaker: str | None) -> str:
    """`Name: ` as it stands before the text of a cue; nothing where nobody is known to speak."""
    name = shown_name(speaker)
    return f"{name}: " if name else ""


def _cut(utterance: Utterance, limits: CueLimits, *, name_in_text: bool) -> Iterator[Cue]:
    """Cues of one utterance, one after the other in time."""
    prefix = len(name_prefix(utterance.speaker)) if name_in_text else 0
    # A name that fills the line leaves half a line for the words, and the line grows too long instead.
    first_line = max(limits.line_length // 2, limits.line_length - prefix)
    words = [piece for word in utterance.words for piece in _pieces(word, first_line)]
    room = (first_line, *[limits.line_length] * (limits.lines - 1))
    earliest = 0
    for group in _groups(words, room, limits):
        start, end = stretch(group[0].start, max(word.end for word in group))
        start = max(start, earliest)
        end = max(start + 1, min(end, start + round(limits.seconds * 1000)))
        earliest = end
        yield Cue(start=start, end=end, speaker=utterance.speaker, lines=split_lines([w.text for w in group], room))


def _pieces(word: Word, length: int) -> Iterator[Word]:
    """The word in pieces of at most `length` characters, its time shared out evenly.

    A word without a character that can be shown gives nothing: it would leave a blank line, which ends a cue.
    """
    text = "".join(printable(word.text).split())
    count = -(-len(text) // length)
    for number in range(count):
        share = (word.end - word.start) / count
        yield replace(
            word,
            text=text[number * length : (number + 1) * length],
            start=word.start + number * share,
            end=word.start + (number + 1) * share,
        )


def _groups(words: Sequence[Word], room: Sequence[int], limits: CueLimits) -> list[Sequence[Word]]:
    """Cut words into groups that fit on screen, at the least total cost of the cuts."""
    best = [0.0] + [float("inf")] * len(words)
    cut_before = [0] * (len(words) + 1)
    for first in range(len(words)):
        for last in range(first, len(words)):
            group = words[first : last + 1]
            if last > first and not (_short(group, limits) and fits([word.text for word in group], room)):
                break
            following = words[last + 1] if last + 1 < len(words) else None
            cost = best[first] + _cost(group, following, limits)
            if cost < best[last + 1]:
                best[last + 1], cut_before[last + 1] = cost, first
    cuts = [len(words)]
    while cuts[-1]:
        cuts.append(cut_before[cuts[-1]])
    return [words[first:end] for first, end in pairwise(reversed(cuts))]


def _short(group: Sequence[Word], limits: CueLimits) -> bool:
    return group[-1].end - group[0].start <= limits.seconds


def _cost(group: Sequence[Word], following: Word | None, limits: CueLimits) -> float:
    """What a cue costs: one for being there, more for a cut inside a clause and for being too short to read.

    The weights put a sentence end before a clause end or pause, and either before a cut in the middle, whatever the
    number of cues; they were set by reading the cues of real conversations.
    """
    short = max(0.0, limits.min_seconds - (group[-1].end - group[0].start))
    cost = 1.0 + 2.0 * short
    if following is None or group[-1].text.endswith(SENTENCE_END):
        return cost
    if group[-1].text.endswith(CLAUSE_END) or following.start - group[-1].end >= limits.pause:
        return cost + 1.0
    return cost + 3.0


def _linger(cues: Sequence[Cue], shortest: int) -> Iterator[Cue]:
    """Leave short cues on screen until the next one starts, at most until they are `shortest` milliseconds long."""
    for number, cue in enumerate(cues):
        wanted = cue.start + shortest
        if number + 1 < len(cues):
            wanted = min(wanted, cues[number + 1].start)
        yield replace(cue, end=max(cue.end, wanted))

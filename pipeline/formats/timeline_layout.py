"""What a timeline shows where: panels of time, ticks, overlapped speech, shares of the talk. No drawing here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil

from pipeline.types import Segment, Transcript, Turn, Utterance, Word

ONE_PANEL = 300.0
"""Recordings up to this many seconds fit on one panel."""
SPANS = (300.0, 600.0, 900.0, 1200.0, 1800.0, 3600.0)
"""Seconds a panel, shortest first."""
MAX_PANELS = 8
"""A longer span is taken where there would be more panels, as long as there is one."""
SMALL_REST = 0.1
"""A rest below this share of a panel gets none of its own."""
TEXT_SPAN = 30.0
"""Seconds a panel where text is shown: 2.8 words a second then have 13 characters' room each."""
TICKS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
MAX_TICKS = 12


@dataclass(frozen=True, slots=True)
class Share:
    """How much one speaker talks."""

    label: str
    seconds: float
    share: float
    """Of all that is said by anybody, 0..1."""


def panels(duration: float, *, text: bool) -> tuple[Segment, ...]:
    """Cut a recording into stretches of like length, one a panel.

    The last is as long as what is left; where that is next to nothing, the one before it takes it in.
    """
    if text:
        span = TEXT_SPAN
    elif duration <= ONE_PANEL:
        span = max(duration, 1.0)
    else:
        span = next(
            (span for span in SPANS if duration <= span * MAX_PANELS),
            SPANS[-1] * ceil(duration / SPANS[-1] / MAX_PANELS),
        )
    count = max(1, ceil(duration / span - SMALL_REST))
    ends = [*(number * span for number in range(1, count)), max(duration, 1.0)]
    return tuple(Segment(number * span, end) for number, end in enumerate(ends))


def tick_step(span: float) -> int:
    """Seconds between two ticks, so that at most `MAX_TICKS` fit on a panel."""
    return next((step for step in TICKS if span / step <= MAX_TICKS), 3600 * ceil(span / 3600 / MAX_TICKS))


def ticks(panel: Segment, span: float) -> tuple[int, ...]:
    """Instants on a panel that get a label, in whole seconds."""
    step = tick_step(span)
    first = ceil(panel.start / step) * step
    return tuple(instant for instant in range(first, int(panel.end) + 1, step))


def shares(transcript: Transcript) -> tuple[Share, ...]:
    """Talk time of every speaker, in order of first appearance, from the regular turns."""
    seconds = dict.fromkeys(transcript.diarization.labels, 0.0)
    for turn in transcript.diarization.turns:
        seconds[turn.speaker] = seconds.get(turn.speaker, 0.0) + turn.duration
    total = sum(seconds.values())
    return tuple(Share(label, value, value / total if total else 0.0) for label, value in seconds.items())


def overlapped(turns: Iterable[Turn]) -> tuple[Segment, ...]:
    """Stretches in which two or more speakers talk at once, in order."""
    edges = sorted(
        [(turn.start, 1) for turn in turns if turn.duration] + [(turn.end, -1) for turn in turns if turn.duration]
    )
    found: list[Segment] = []
    active, since = 0, 0.0
    for instant, change in edges:
        if active == 1 and change == 1:
            since = instant
        if active == 2 and change == -1 and instant > since:  # noqa: PLR2004 - two make an overlap
            found.append(Segment(since, instant))
        active += change
    return tuple(found)


def within(items: Iterable[Segment], panel: Segment) -> tuple[Segment, ...]:
    """The parts of `items` that lie on a panel."""
    cut = (Segment(max(item.start, panel.start), min(item.end, panel.end)) for item in items)
    return tuple(item for item in cut if item.duration)


@dataclass(frozen=True, slots=True)
class Snippet:
    """Words of one speaker, and the room there is for them."""

    speaker: str
    start: float
    room: float
    """Seconds until the same speaker's next snippet or the end of the panel."""
    text: str


def snippets(utterances: Iterable[Utterance], panel: Segment) -> tuple[Snippet, ...]:
    """What each speaker says on a panel, utterance by utterance."""
    found: list[tuple[str, float, str]] = []
    for utterance in utterances:
        words = [word for word in utterance.words if _starts_on(word, panel)]
        if words and utterance.speaker is not None:
            found.append((utterance.speaker, words[0].start, " ".join(word.text for word in words)))
    return tuple(
        Snippet(speaker, start, _next_start(found[number + 1 :], speaker, panel.end) - start, text)
        for number, (speaker, start, text) in enumerate(found)
    )


def _starts_on(word: Word, panel: Segment) -> bool:
    return panel.start <= word.start < panel.end


def _next_start(later: Sequence[tuple[str, float, str]], speaker: str, end: float) -> float:
    return next((start for other, start, _ in later if other == speaker), end)

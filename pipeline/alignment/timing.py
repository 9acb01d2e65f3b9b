"""Word times that can be relied on: every word has one, in order, inside its chunk, never empty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.types import Segment, Timing, Word

_SHORTEST = 0.02
# Seconds a word lasts at least.
_LONGEST_GUESS = 0.5
# Seconds a word without any time gets at most, so that it is not stretched over silence.


@dataclass(frozen=True, slots=True)
class UntimedWord:
    """A word, and where some method placed it in the recording; None where it could not."""

    text: str
    confidence: float
    place: Segment | None
    timing: Timing
    """The method that placed it; what it says of a word without a place does not count."""


def settle(words: Sequence[UntimedWord], chunk: Segment) -> tuple[Word, ...]:
    """Give every word of a chunk a start before its end, starts in order, all inside the chunk.

    Words without a place share the room between their neighbours, and are marked as interpolated.
    """
    if not words:
        return ()
    shortest = min(_SHORTEST, chunk.duration / (len(words) + 1))
    places = _filled([word.place for word in words], chunk)
    starts: list[float] = []
    for number, place in enumerate(places):
        earliest = starts[-1] + shortest if starts else chunk.start
        latest = chunk.end - (len(words) - number) * shortest
        starts.append(min(max(place.start, earliest), latest))
    limits = [*starts[1:], chunk.end]
    return tuple(
        Word(
            text=word.text,
            start=start,
            end=min(max(place.end, start + shortest), limit),
            confidence=min(1.0, max(0.0, word.confidence)),
            timing=Timing.INTERPOLATED if word.place is None else word.timing,
        )
        for word, place, start, limit in zip(words, places, starts, limits, strict=True)
    )


def _filled(places: Sequence[Segment | None], chunk: Segment) -> list[Segment]:
    """Spread words without a place evenly between their neighbours, close to the one before."""
    out: list[Segment] = []
    number = 0
    while number < len(places):
        place = places[number]
        if place is not None:
            out.append(place)
            number += 1
            continue
        after = next((later for later in range(number, len(places)) if places[later] is not None), len(places))
        following = places[after] if after < len(places) else None
        start = out[-1].end if out else chunk.start
        end = chunk.end if following is None else following.start
        each = min(_LONGEST_GUESS, max(0.0, end - start) / (after - number))
        if not out and following is not None:
            start = end - each * (after - number)
        out += [Segment(start + each * k, start + each * (k + 1)) for k in range(after - number)]
        number = after
    return out

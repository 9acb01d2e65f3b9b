"""Times on the millisecond grid, and how they are written.

Every format rounds here and nowhere else. Rounding is monotone, so what did not overlap before does not overlap after.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pipeline.types import Turn


def milliseconds(seconds: float) -> int:
    """Nearest whole millisecond, never before the start of the recording."""
    return max(0, round(seconds * 1000))


def stretch(start: float, end: float) -> tuple[int, int]:
    """Start and end in milliseconds; the end lies at least one millisecond after the start."""
    first = milliseconds(start)
    return first, max(first + 1, milliseconds(end))


def on_grid(seconds: float) -> float:
    """Seconds with at most three decimals."""
    return milliseconds(seconds) / 1000


def turns_on_grid(turns: Iterable[Turn]) -> tuple[Turn, ...]:
    """Turns with both edges on the grid, in order of start; those that round to nothing are left out.

    Lengthening such a turn to one millisecond could run it into the next one of an exclusive diarization.
    """
    rounded = (replace(turn, start=on_grid(turn.start), end=on_grid(turn.end)) for turn in turns)
    kept = (turn for turn in rounded if turn.end > turn.start)
    return tuple(sorted(kept, key=lambda turn: (turn.start, turn.end, turn.speaker)))


def clock(instant: int, point: str = ".") -> str:
    """HH:MM:SS and milliseconds, `point` between them: the times of SRT (`,`) and WebVTT (`.`)."""
    seconds, rest = divmod(instant, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{point}{rest:03d}"


def short_clock(seconds: float, *, hours: bool = False) -> str:
    """m:ss, or h:mm:ss where `hours` asks for it or the time is an hour or more; rounded down to the second."""
    minutes, second = divmod(int(seconds), 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02d}:{second:02d}" if hours or hour else f"{minute}:{second:02d}"

"""What was lost, in words: how much of a recording its header promised and its bytes did not give."""

from __future__ import annotations

from pipeline.audio.stream_reading import Tally
from pipeline.types import Notice

TOLERANCE_SECONDS = 0.1
TOLERANCE_SHARE = 0.005
"""Headers round: AAC, Opus and WMA files that are whole decode up to 0.04 s short of their header."""


def loss_notices(tally: Tally, promised: float | None) -> tuple[Notice, ...]:
    """Compare what was heard with what the header promised, in seconds."""
    notices = [_short(tally, promised), _gaps(tally), _invalid(tally)]
    return tuple(notice for notice in notices if notice)


def _short(tally: Tally, promised: float | None) -> Notice | None:
    whole = promised or tally.seconds
    lost = max(tally.filled, whole - tally.heard) if tally.failures else max(0.0, whole - tally.seconds)
    beyond_rounding = lost > max(TOLERANCE_SECONDS, TOLERANCE_SHARE * whole)
    if tally.failures:
        message = f"{lost:.1f} of {whole:.1f} s ({_percent(lost, whole)}) could not be decoded; words may be missing"
        return Notice("damaged", message)
    if promised and beyond_rounding:
        message = f"the file ends after {tally.seconds:.1f} of {whole:.1f} s ({_percent(lost, whole)} missing)"
        return Notice("truncated", message)
    if tally.trailing_failures:
        message = f"the file breaks off after {tally.seconds:.1f} s; how much is missing is not known"
        return Notice("truncated", message)
    return None


def _gaps(tally: Tally) -> Notice | None:
    if not tally.gaps:
        return None
    message = f"{tally.filled:.1f} s are missing in {tally.gaps} places; they were filled with silence"
    return Notice("gaps", message)


def _invalid(tally: Tally) -> Notice | None:
    if not tally.invalid_samples:
        return None
    message = f"{tally.invalid_samples} samples were no number; they were set to zero"
    return Notice("damaged", message)


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "100 %"

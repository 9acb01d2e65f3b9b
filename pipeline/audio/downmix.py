"""Several channels to one, without losing what stands on one side only or in antiphase."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pipeline.audio.channels import FRAME, SILENT, loudness
from pipeline.audio.level import levels
from pipeline.audio.pcm import PcmRounding
from pipeline.types import FloatArray, Notice, PcmArray
from pipeline.waveform import SAMPLE_RATE, Waveform

BLOCK = SAMPLE_RATE
"""Samples, one second: polarity is judged anew for each, since a recording may be joined from parts."""
UNHEARD = 45.0
"""dB below the loudest channel: quieter ones would add nothing audible and only lower the mean."""
FLIP, UNFLIP = -0.3, 0.3
"""Correlations with the loudest channel at which a channel is turned over and back. Between them nothing changes.
Turning over one of two channels that have nothing in common cannot be heard."""
ANTIPHASE = -0.7
"""Correlation at which a channel cancels the other rather than being delayed against it, and so worth a notice."""
FADE = 160
"""Samples, 10 ms, over which polarity changes."""
IDENTICAL = 1e-3
"""Share of power, -30 dB, in the difference of two channels up to which they count as the same."""
COMPARABLE = 0.1
"""Share of the reference's power from which cancelling counts, and share of the signal from which it is told."""


@dataclass(slots=True)
class _Standing:
    """How a channel stands against the loudest, and powers summed over the recording, to tell what was found."""

    sign: float = 0.0
    """With which it adds up with the loudest, in the block that was heard last; 0 before the first."""
    reference: float = 0.0
    flipped: float = 0.0
    difference: float = 0.0


def downmix(waveform: Waveform) -> Waveform:
    """Give one channel: the mean of those that carry signal, each turned so that it adds up with the loudest.

    A silent side is left out, so that it does not cost 6 dB. A channel in antiphase is turned over, second by second
    where that changes. Notices: `silent_channel`, `antiphase`, `dual_mono`. A waveform of one channel comes back as it
    is.
    """
    if waveform.channels == 1:
        return waveform
    active = _active_channels(waveform)
    silent = [number for number in range(waveform.channels) if number not in active]
    notices = [*waveform.notices, *_silent_notices(silent, waveform.channels)]
    if len(active) <= 1:
        number = active[0] if active else 0
        return replace(waveform, stored=waveform.stored[number : number + 1], notices=tuple(notices))
    mixed, standings = _mix(waveform, active)
    notices += _phase_notices(standings)
    return replace(waveform, stored=mixed, notices=tuple(notices))


def _active_channels(waveform: Waveform) -> list[int]:
    """Channels that carry signal, the loudest first."""
    loud = np.array([loudness(row, FRAME) if len(row) else SILENT for row in levels(waveform, FRAME)])
    order = np.argsort(-loud, kind="stable")
    return [int(number) for number in order if loud[number] >= max(SILENT, loud[order[0]] - UNHEARD)]


def _mix(waveform: Waveform, active: list[int]) -> tuple[PcmArray | FloatArray, list[_Standing]]:
    """Mean of some channels, each turned over wherever it stands against the first of them, (1, samples).

    It is stored as the channels are.
    """
    mixed = np.empty((1, waveform.length), dtype=waveform.stored.dtype)
    rounded, standings = PcmRounding(), [_Standing() for _ in active[1:]]
    for first in range(0, waveform.length, BLOCK):
        block = waveform.part(first, first + BLOCK)
        mean = block[active[0]].copy()
        for number, standing in zip(active[1:], standings, strict=True):
            before = standing.sign
            standing.sign = _polarity(block[active[0]], block[number], standing)
            mean += block[number] * _gain(before or standing.sign, standing.sign, len(mean))
        mean /= len(active)
        mixed[0, first : first + BLOCK] = rounded(mean) if mixed.dtype == np.int16 else mean
    return mixed, standings


def _polarity(reference: FloatArray, channel: FloatArray, sums: _Standing) -> float:
    """Sign with which a block of a channel adds up with the reference; the one before it in case of doubt."""
    # The offset is taken off first: two channels with the same offset look alike whatever they hold.
    left, right = reference - reference.mean(), channel - channel.mean()
    power, other, common = float(left @ left), float(right @ right), float(left @ right)
    scale = float(np.sqrt(power * other))
    correlation = common / scale if scale else 0.0
    sign = -1.0 if correlation < FLIP else 1.0 if correlation > UNFLIP or not sums.sign else sums.sign
    sums.reference += power
    sums.flipped += power if correlation < ANTIPHASE and other > COMPARABLE * power else 0.0
    sums.difference += power + other - 2 * common
    return sign


def _gain(before: float, after: float, length: int) -> FloatArray | float:
    """Factor over a stretch, (length,), that goes from one sign to the other without a click."""
    if before == after:
        return after
    fade = np.linspace(before, after, min(FADE, length), dtype=np.float32)
    return np.concatenate([fade, np.full(length - len(fade), after, dtype=np.float32)])


def _silent_notices(silent: list[int], channels: int) -> list[Notice]:
    if not silent:
        return []
    numbers = ", ".join(str(number + 1) for number in silent)
    return [Notice("silent_channel", f"nothing is heard on channel {numbers} of {channels}; it was left out")]


def _phase_notices(sums: list[_Standing]) -> list[Notice]:
    if not all(total.reference > 0 for total in sums):
        return []
    notices = []
    flipped = max(total.flipped / total.reference for total in sums)
    if flipped > COMPARABLE:
        message = f"channels are in antiphase during {100 * flipped:.0f} % of the signal; one was turned over"
        notices.append(Notice("antiphase", message))
    if all(total.difference <= IDENTICAL * total.reference for total in sums):
        notices.append(Notice("dual_mono", "all channels hold the same signal"))
    return notices

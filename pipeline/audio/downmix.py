"""Several channels to one, without losing what stands on one side only or in antiphase."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pipeline.audio.channels import FRAME, SILENT, loudness
from pipeline.audio.level import levels
from pipeline.types import FloatArray, Notice
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
class _Sums:
    """Powers summed over the recording, to tell what was found."""

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
    active = _active_channels(waveform.samples)
    silent = [number for number in range(waveform.channels) if number not in active]
    notices = [*waveform.notices, *_silent_notices(silent, waveform.channels)]
    if len(active) <= 1:
        number = active[0] if active else 0
        return replace(waveform, samples=waveform.samples[number : number + 1], notices=tuple(notices))
    mixed = waveform.samples[active[0]].copy()
    sums = [_add(mixed, waveform.samples[active[0]], waveform.samples[number]) for number in active[1:]]
    mixed /= len(active)
    notices += _phase_notices(sums)
    return replace(waveform, samples=mixed[None], notices=tuple(notices))


def _active_channels(samples: FloatArray) -> list[int]:
    """Channels that carry signal, the loudest first."""
    loud = np.array([loudness(row, FRAME) if len(row) else SILENT for row in levels(samples, FRAME)])
    order = np.argsort(-loud, kind="stable")
    return [int(number) for number in order if loud[number] >= max(SILENT, loud[order[0]] - UNHEARD)]


def _add(mixed: FloatArray, reference: FloatArray, channel: FloatArray) -> _Sums:
    """Add a channel to the mix in place, turned over wherever it stands against the reference; all (samples,)."""
    sums, sign = _Sums(), 0.0
    for first in range(0, len(channel), BLOCK):
        stretch = slice(first, first + BLOCK)
        before, sign = sign, _polarity(reference[stretch], channel[stretch], sign, sums)
        mixed[stretch] += channel[stretch] * _gain(before or sign, sign, len(channel[stretch]))
    return sums


def _polarity(reference: FloatArray, channel: FloatArray, before: float, sums: _Sums) -> float:
    """Sign with which a stretch of a channel adds up with the reference; the one before it in case of doubt."""
    # The offset is taken off first: two channels with the same offset look alike whatever they hold.
    left, right = reference - reference.mean(), channel - channel.mean()
    power, other, common = float(left @ left), float(right @ right), float(left @ right)
    scale = float(np.sqrt(power * other))
    correlation = common / scale if scale else 0.0
    sign = -1.0 if correlation < FLIP else 1.0 if correlation > UNFLIP or not before else before
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


def _phase_notices(sums: list[_Sums]) -> list[Notice]:
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

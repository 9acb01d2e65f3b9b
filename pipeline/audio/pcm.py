"""Samples as 16-bit integers, as recordings are kept: half the memory of floats, and what most of them were made of."""

from __future__ import annotations

import numpy as np

from pipeline.types import FloatArray, Notice, PcmArray
from pipeline.waveform import FULL_SCALE

CLIPPED_SHARE = 0.01
"""Share of samples beyond full scale that is worth a notice. What lossy formats make of loud or damaged sound stays
below; a recording in floating point that was made too loud does not."""


class PcmRounding:
    """Rounds the samples of a recording, part by part, and counts those that are too loud to be kept as they are."""

    def __init__(self) -> None:
        self._samples = self._clipped = 0

    def __call__(self, samples: FloatArray) -> PcmArray:
        """Round samples in [-1, 1], of any shape, to 16 bits; what lies beyond full scale is clipped."""
        scaled = np.rint(samples * np.float32(FULL_SCALE))
        self._samples += scaled.size
        self._clipped += int(np.count_nonzero(np.abs(scaled) > FULL_SCALE))
        return np.asarray(np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1), dtype=np.int16)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """Whether a part worth mentioning was clipped."""
        share = self._clipped / max(1, self._samples)
        if share <= CLIPPED_SHARE:
            return ()
        message = f"{100 * share:.1f} % of the samples were louder than full scale and were clipped"
        return (Notice("clipped", message),)

"""Which token may follow in a text with timestamps (Radford et al. 2022, section 4.5, and Whisper's own decoding)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from torch import Tensor

LATEST_START: Final = 50
"""Timestamps, of 0.02 s each, within which the first segment of a chunk must begin; as in Whisper's own decoding."""
_NEVER: Final = -math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampRules:
    """Segments begin and end with a timestamp, and time does not go back."""

    end: int
    """Token of the end of text; tokens below are text."""
    first: int
    """Token of 0.00 s; those above are later timestamps."""

    def apply(self, outputs: Tensor, text: Sequence[int]) -> None:
        """Take from a row of outputs, (tokens,), what may not follow a text."""
        outputs[self.end + 1 : self.first] = _NEVER
        stamps = [token for token in text if token >= self.first]
        if not text:
            outputs[: self.first] = _NEVER
            outputs[self.first + LATEST_START + 1 :] = _NEVER
        elif text[-1] >= self.first:
            opens = len(text) == 1 or text[-2] >= self.first
            if opens:
                outputs[self.first :] = _NEVER
            else:
                outputs[: self.end] = _NEVER
            outputs[self.first : stamps[-1]] = _NEVER
        else:
            # A segment lasts.
            outputs[self.first : stamps[-1] + 1] = _NEVER
        if outputs[self.first :].logsumexp(0) > outputs[: self.first].max():
            outputs[: self.first] = _NEVER

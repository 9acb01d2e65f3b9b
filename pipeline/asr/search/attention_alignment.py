"""When each token of a text was said, by which frames of the audio the decoder attends to.

OpenAI's Whisper (whisper/timing.py): the attention of some heads, which the model's configuration names, is brought to
one scale and smoothed, and the steadiest way through it from the first token to the last is taken (dynamic time
warping). Others would call it word times by cross-attention.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pipeline.asr.network.decoder import WhisperDecoder
from pipeline.types import FloatArray, IntArray

_SIDE: Final = 3
# Frames to each side of one, whose median with it is taken.
_EXCHANGES: Final = (
    (0, 5), (0, 3), (1, 6), (2, 4), (0, 1), (3, 5), (2, 6), (2, 3), (3, 6), (4, 5), (1, 4), (1, 3), (3, 4),
)  # fmt: skip
# Of seven numbers, which two to put in order, one after the other, until the fourth is the median: an eighth of the
# time of scipy's filter.
_TINY: Final = 1e-9


@dataclass(frozen=True, slots=True)
class AlignedTokens:
    """What comes of one text."""

    first_frames: tuple[int, ...]
    """Encoder frame, 20 ms each, at which each token begins, and, one more, the end of text."""
    probabilities: tuple[float, ...]
    """Of each token among those of texts (which a model may have control tokens in), given the audio and what is before
    it."""


class AttentionAlignment:
    """Aligns texts with encoded chunks. Holds no state of a chunk; may be shared between threads."""

    def __init__(
        self, decoder: WhisperDecoder, heads: Sequence[tuple[int, int]] | None, *, unstamped: int, end: int
    ) -> None:
        """`heads`: those to look at, (layer, head) each, None for all of the later half of the layers.

        `unstamped` and `end` are the tokens before and after a text without timestamps.
        """
        later = range(decoder.layers // 2, decoder.layers)
        self._heads = list(heads) if heads else [(layer, head) for layer in later for head in range(decoder.heads)]
        self._decoder = decoder
        self._unstamped, self._end = unstamped, end

    @torch.inference_mode()
    def __call__(self, audio: Tensor, start: Sequence[int], text: Sequence[int], frames: int) -> AlignedTokens:
        """Align `text` with the first `frames` of `audio`, (frames, width); `start` is what opens a transcript."""
        if not text:
            return AlignedTokens((0,), ())
        state = self._decoder.hear(audio)
        state.attended = []
        (rows,) = self._decoder.advance([state], [torch.tensor([[*start, self._unstamped, *text, self._end]])])
        scores = torch.stack([state.attended[layer][head] for layer, head in self._heads])
        first = len(start)
        attention = _brought_to_scale(scores[:, :, :frames]).mean(0)[first : first + len(text) + 1]
        among = max(self._end, max(text) + 1)
        said = self._decoder.outputs(rows[0, first : first + len(text)])[:, :among].softmax(1)
        likely = said.gather(1, torch.tensor(text, dtype=torch.long).view(-1, 1)).flatten()
        return AlignedTokens(tuple(steadiest(attention.numpy()).tolist()), tuple(likely.tolist()))


def _brought_to_scale(scores: Tensor) -> Tensor:
    """Scores before the softmax, (heads, tokens, frames); gives what stands out for each token, smoothed."""
    shares = scores.softmax(2)
    deviation, mean = torch.std_mean(shares, dim=1, keepdim=True, correction=0)
    return smoothed((shares - mean) / deviation.clamp_min(_TINY))


def smoothed(values: Tensor) -> Tensor:
    """The median of each frame and three to each side, mirrored at the edges: (…, frames), the same shape."""
    frames = values.shape[-1]
    if frames <= _SIDE:
        return values
    wide = functional.pad(values, (_SIDE, _SIDE), mode="reflect")
    around = [wide[..., place : place + frames] for place in range(2 * _SIDE + 1)]
    for one, other in _EXCHANGES:
        around[one], around[other] = (
            torch.minimum(around[one], around[other]),
            torch.maximum(around[one], around[other]),
        )
    return around[_SIDE]


def steadiest(gain: FloatArray) -> IntArray:
    """First column of each row, (rows,), on the way through `gain`, (rows, columns), on which the sum is largest.

    The way leads from the first field to the last, each step to the next row, the next column, or both.
    """
    rows, columns = gain.shape
    totals = np.cumsum(gain.astype(np.float64), axis=1)
    best, numbers = totals[0], np.arange(columns)
    entries, diagonal = np.zeros((rows, columns), dtype=np.int64), np.zeros((rows, columns), dtype=np.bool_)
    for row in range(1, rows):
        aslant = np.append(-np.inf, best[:-1])
        diagonal[row] = aslant >= best
        # Into the row from above or aslant, in any column so far, and on along it.
        entered = np.maximum(best, aslant) - np.append(0.0, totals[row, :-1])
        highest = np.maximum.accumulate(entered)
        entries[row] = np.maximum.accumulate(np.where(entered == highest, numbers, 0))
        best = highest + totals[row]
    first, column = np.zeros(rows, dtype=np.int64), columns - 1
    for row in range(rows - 1, 0, -1):
        first[row] = entries[row, column]
        column = first[row] - diagonal[row, first[row]]
    return first

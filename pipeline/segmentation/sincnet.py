"""SincNet: learnt band-pass filters on raw samples, then two convolutions.

Source: Ravanelli and Bengio, "Speaker recognition from raw waveform with SincNet", SLT 2018; complex-valued variant
(cosine and sine filters) of Pariente et al., "Filterbank design for end-to-end speech separation", ICASSP 2020.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

SAMPLE_RATE = 16_000
MIN_LOW_HZ = 50.0
MIN_BAND_HZ = 50.0
STRIDE = 10
"""Samples between two responses of the filterbank."""
FEW_LENGTHS = 2 * SAMPLE_RATE // STRIDE
"""Responses are computed in multiples of this: on a CPU, a convolution keeps a plan for each length it meets."""
LONGEST = 40 * SAMPLE_RATE
"""Samples heard at once, unless a window has more: glibc gives the blocks that more would take back each time."""
POOL = 3
"""Of how many frames the highest is kept, after each convolution."""


class SincFilterbank(nn.Module):
    """Pairs of cosine and sine band-pass filters, each given by its lower edge and its width in Hz."""

    # Names are those of the published checkpoints.
    low_hz_: nn.Parameter
    band_hz_: nn.Parameter
    window_: Tensor
    n_: Tensor

    def __init__(self, filters: int = 80, kernel: int = 251) -> None:
        super().__init__()
        self.low_hz_ = nn.Parameter(torch.zeros(filters // 2, 1))
        self.band_hz_ = nn.Parameter(torch.zeros(filters // 2, 1))
        self.register_buffer("window_", torch.zeros(kernel // 2))
        self.register_buffer("n_", torch.zeros(1, kernel // 2))

    def forward(self) -> Tensor:
        """Return the impulse responses, (filters, 1, kernel)."""
        low = MIN_LOW_HZ + self.low_hz_.abs()
        high = torch.clamp(low + MIN_BAND_HZ + self.band_hz_.abs(), MIN_LOW_HZ, SAMPLE_RATE / 2)
        width = high - low
        low_phase, high_phase = low @ self.n_, high @ self.n_
        even = (torch.sin(high_phase) - torch.sin(low_phase)) / (self.n_ / 2) * self.window_
        odd = (torch.cos(low_phase) - torch.cos(high_phase)) / (self.n_ / 2) * self.window_
        cosine = torch.cat([even, 2 * width, even.flip(1)], dim=1)
        sine = torch.cat([odd, torch.zeros_like(width), -odd.flip(1)], dim=1)
        return (torch.cat([cosine, sine]) / (2 * width).repeat(2, 1)).unsqueeze(1)


class SincEncoder(nn.Module):
    """Convolution with the filterbank, every tenth sample."""

    def __init__(self) -> None:
        super().__init__()
        self.filterbank = SincFilterbank()

    def forward(self, samples: Tensor) -> Tensor:
        """(samples,) -> (steps, filters)."""
        filters: Tensor = self.filterbank()  # (filters, 1, length)
        length = filters.shape[2]
        steps = (len(samples) - length) // STRIDE + 1
        # Ten samples side by side, so that the convolution has ten inputs instead of one: half the time on a CPU.
        rows, whole = -(-length // STRIDE), -(-steps // FEW_LENGTHS) * FEW_LENGTHS
        padded = functional.pad(samples, (0, (whole + rows - 1) * STRIDE - len(samples)))
        folded = functional.pad(filters[:, 0], (0, rows * STRIDE - length)).view(-1, rows, STRIDE)
        return functional.conv1d(padded.view(-1, STRIDE).T[None], folded.transpose(1, 2))[0].T[:steps]


class FrameNorm(nn.InstanceNorm1d):
    """Instance norm over frames whose channels lie side by side."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, affine=True)

    def forward(self, inputs: Tensor) -> Tensor:
        """(frames, channels) -> the same shape."""
        # Products with ones: sums over columns that torch itself takes three times as long for.
        share = inputs.new_full((1, len(inputs)), 1 / len(inputs))
        mean = share @ inputs
        variance = share @ (inputs - mean).square()
        scale = self.weight * (variance + self.eps).rsqrt()
        return torch.addcmul(self.bias - mean * scale, inputs, scale)


class FrameConvolution(nn.Conv1d):
    """A convolution over frames whose channels lie side by side: in float32 one product for each of its taps."""

    def forward(self, inputs: Tensor) -> Tensor:
        """(frames, in channels) -> (frames - taps + 1, out channels), float32 whatever the weights are."""
        if self.weight.dtype != torch.float32:
            narrow = inputs.T[None].to(self.weight.dtype)
            return functional.conv1d(narrow, self.weight, self.bias)[0].T.float()
        taps = self.weight.permute(2, 1, 0)  # (taps, in channels, out channels)
        frames = len(inputs) - len(taps) + 1
        outputs = inputs[:frames] @ taps[0]
        for tap, weight in enumerate(taps[1:], start=1):
            outputs.addmm_(inputs[tap : tap + frames], weight)
        return outputs if self.bias is None else outputs.add_(self.bias)


class SincNet(nn.Module):
    """Three convolution layers, each with max-pooling by 3 and instance norm: one frame per 270 samples.

    Windows overlap, and the first convolution, on raw samples, is a quarter of the work of a whole segmentation model.
    Its input is normalised window by window, which only scales and shifts it, and what is pooled is |a c + b| of its
    responses c. That is the larger of a c + b and -(a c + b), so that the highest and the lowest of three responses,
    found once for all windows, give each window its own maximum, exactly.
    """

    def __init__(self) -> None:
        super().__init__()
        self.wav_norm1d = nn.InstanceNorm1d(1, affine=True)
        self.conv1d = nn.ModuleList([SincEncoder(), FrameConvolution(80, 60, 5), FrameConvolution(60, 60, 5)])
        self.norm1d = nn.ModuleList([FrameNorm(size) for size in (80, 60, 60)])

    def forward(self, samples: Tensor, starts: Sequence[int], length: int) -> Tensor:
        """(samples,) -> (windows, frames, 60): windows of `length` samples that start at multiples of 30."""
        windows = list[Tensor]()
        while len(windows) < len(starts):
            left = starts[len(windows) :]
            near = [start - left[0] for start in left if start - left[0] + length <= max(LONGEST, length)]
            windows += self._near(samples[left[0] : left[0] + near[-1] + length], near, length)
        return torch.stack(windows)

    def _near(self, samples: Tensor, starts: Sequence[int], length: int) -> list[Tensor]:
        """(samples,) -> (frames, 60) for each window, of which the first starts with the samples."""
        encoder = cast("SincEncoder", self.conv1d[0])
        filters, responses = encoder.filterbank()[:, 0], encoder(samples)
        highest, lowest = _of_three(torch.maximum, responses), _of_three(torch.minimum, responses)
        steps = ((length - filters.shape[1]) // STRIDE + 1) // POOL
        windows = []
        for start in starts:
            scale, shift = self._normalization(samples[start : start + length])
            constant = shift * filters.sum(dim=1)  # what the filters make of a shift
            seen = slice(start // STRIDE // POOL, start // STRIDE // POOL + steps)
            above = torch.addcmul(constant, highest[seen], scale)
            below = torch.addcmul(-constant, lowest[seen], -scale)
            windows.append(self._frames(torch.maximum(above, below)))
        return windows

    def prepare(self, dtype: torch.dtype) -> None:
        """Let all convolutions but the first, on raw samples, compute in `dtype`."""
        for convolution in self.conv1d[1:]:
            convolution.to(dtype)

    def _normalization(self, window: Tensor) -> tuple[Tensor, Tensor]:
        """What `wav_norm1d` multiplies a window by, and adds to it; both turned over where the first is below 0."""
        norm = self.wav_norm1d
        mean = window.mean()
        centred = window - mean
        variance = centred.dot(centred) / len(window)  # torch.var_mean takes 18 times as long
        scale = norm.weight * (variance + norm.eps).rsqrt()
        shift = norm.bias - mean * scale
        return scale.abs(), torch.where(scale < 0, -shift, shift)  # |a c + b| is |-a c - b|

    def _frames(self, envelopes: Tensor) -> Tensor:
        """(steps, 80) -> (frames, 60)."""
        outputs = functional.leaky_relu(self.norm1d[0](envelopes))
        for convolution, norm in zip(self.conv1d[1:], self.norm1d[1:], strict=True):
            outputs = functional.leaky_relu(norm(_of_three(torch.maximum, convolution(outputs))))
        return outputs


def _of_three(choose: Callable[[Tensor, Tensor], Tensor], inputs: Tensor) -> Tensor:
    """(frames, channels) -> (frames / 3, channels): one of each three, as `choose` does of two."""
    frames = len(inputs) // POOL * POOL
    first, second, third = (inputs[number:frames:POOL] for number in range(POOL))
    return choose(choose(first, second), third)

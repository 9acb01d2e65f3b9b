"""SincNet: learnt band-pass filters on raw samples, then two convolutions.

Source: Ravanelli and Bengio, "Speaker recognition from raw waveform with SincNet", SLT 2018; complex-valued variant
(cosine and sine filters) of Pariente et al., "Filterbank design for end-to-end speech separation", ICASSP 2020.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

SAMPLE_RATE = 16_000
MIN_LOW_HZ = 50.0
MIN_BAND_HZ = 50.0


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

    def __init__(self, stride: int = 10) -> None:
        super().__init__()
        self.filterbank = SincFilterbank()
        self.stride = stride

    def forward(self, samples: Tensor) -> Tensor:
        """(batch, 1, samples) -> (batch, filters, steps)."""
        return functional.conv1d(samples, self.filterbank(), stride=self.stride)


class SincNet(nn.Module):
    """Three convolution layers, each with max-pooling by 3 and instance norm: one frame per 270 samples."""

    def __init__(self) -> None:
        super().__init__()
        self.wav_norm1d = nn.InstanceNorm1d(1, affine=True)
        self.conv1d = nn.ModuleList([SincEncoder(), nn.Conv1d(80, 60, 5), nn.Conv1d(60, 60, 5)])
        self.norm1d = nn.ModuleList([nn.InstanceNorm1d(size, affine=True) for size in (80, 60, 60)])

    def forward(self, samples: Tensor) -> Tensor:
        """(batch, 1, samples) -> (batch, 60, frames)."""
        outputs = self.wav_norm1d(samples)
        for layer, (convolution, norm) in enumerate(zip(self.conv1d, self.norm1d, strict=True)):
            outputs = convolution(outputs)
            if layer == 0:  # the filters come in pairs of phases: only the envelope matters
                outputs = outputs.abs()
            outputs = functional.leaky_relu(norm(functional.max_pool1d(outputs, 3)))
        return outputs

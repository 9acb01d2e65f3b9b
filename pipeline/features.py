"""Filterbank features in torch, on any device: Kaldi's and SpeechBrain's.

The two differ in everything that matters to a network trained on one of them: window shape, pre-emphasis,
mel formula, log base and scaling.
"""

from __future__ import annotations

import functools
import math
from typing import Literal

import torch
from torch import Tensor

from pipeline.waveform import SAMPLE_RATE

MELS = 80
FRAME_LENGTH = 400
FRAME_SHIFT = 160
"""10 ms: both kinds give 100 frames a second."""
KALDI_FFT = 512
LOW_HZ = 20.0
PREEMPHASIS = 0.97


def kaldi_fbank(samples: Tensor, scale: float = 1.0, window: Literal["povey", "hamming"] = "povey") -> Tensor:
    """Log mel filterbank energies as Kaldi computes them: no dither, frames inside the signal only.

    `samples`: (samples,) at 16 kHz in [-1, 1], multiplied by `scale` (32768 where a network was trained on integers).
    Gives (frames, 80); frame i covers samples [160 i, 160 i + 400). A signal under 25 ms is filled up with silence.
    Source: kaldi `feature-fbank.cc`, `mel-computations.cc`.
    """
    if len(samples) < FRAME_LENGTH:
        samples = torch.nn.functional.pad(samples, (0, FRAME_LENGTH - len(samples)))
    frames = (samples * scale).unfold(0, FRAME_LENGTH, FRAME_SHIFT)
    frames = frames - frames.mean(dim=1, keepdim=True)
    previous = torch.cat([frames[:, :1], frames[:, :-1]], dim=1)
    frames = (frames - PREEMPHASIS * previous) * _window(window, samples.device)
    power = torch.fft.rfft(frames, n=KALDI_FFT).abs().square()
    energies = power @ _kaldi_mels(samples.device)
    logs: Tensor = energies.clamp(min=torch.finfo(torch.float32).eps).log()
    return logs


def speechbrain_fbank(samples: Tensor) -> Tensor:
    """Log mel filterbank energies in dB as SpeechBrain's `Fbank(n_mels=80)` computes them.

    `samples`: (samples,) at 16 kHz. Gives (frames, 80), frame i centred on sample 160 i; energies more than
    80 dB below the loudest of the signal are raised to there. Source: speechbrain `processing/features.py`.
    """
    window = torch.hamming_window(FRAME_LENGTH, device=samples.device)
    spectrum = torch.stft(
        samples, FRAME_LENGTH, FRAME_SHIFT, window=window, center=True, pad_mode="constant", return_complex=True
    )
    energies = spectrum.abs().square().T @ _speechbrain_mels(samples.device)
    decibels = 10 * energies.clamp(min=1e-10).log10()
    return torch.maximum(decibels, decibels.max() - 80)


@functools.lru_cache(maxsize=8)
def _window(kind: str, device: torch.device) -> Tensor:
    if kind == "hamming":
        return torch.hamming_window(FRAME_LENGTH, periodic=False, device=device)
    hann = torch.hann_window(FRAME_LENGTH, periodic=False, dtype=torch.float64)
    return hann.pow(0.85).float().to(device)


@functools.lru_cache(maxsize=8)
def _kaldi_mels(device: torch.device) -> Tensor:
    """Triangles that are straight on the mel scale, (257, 80)."""

    def mel(hertz: Tensor) -> Tensor:
        return 1127.0 * torch.log1p(hertz / 700.0)

    bins = mel(torch.arange(KALDI_FFT // 2 + 1, dtype=torch.float64) * SAMPLE_RATE / KALDI_FFT).unsqueeze(1)
    low, high = mel(torch.tensor([LOW_HZ, SAMPLE_RATE / 2], dtype=torch.float64))
    edges = torch.linspace(float(low), float(high), MELS + 2, dtype=torch.float64)
    width = edges[1] - edges[0]
    triangles = torch.minimum((bins - edges[:-2]) / width, (edges[2:] - bins) / width).clamp(min=0)
    return triangles.float().to(device)


@functools.lru_cache(maxsize=8)
def _speechbrain_mels(device: torch.device) -> Tensor:
    """Triangles that are straight in Hz and as wide below their centre as above, (201, 80)."""
    top = 2595 * math.log10(1 + SAMPLE_RATE / 2 / 700)
    hertz = 700 * (10 ** (torch.linspace(0, top, MELS + 2) / 2595) - 1)
    width, centre = (hertz[1:] - hertz[:-1])[:-1], hertz[1:-1]
    bins = torch.linspace(0, SAMPLE_RATE // 2, FRAME_LENGTH // 2 + 1).unsqueeze(1)
    slope = (bins - centre) / width
    return torch.minimum(slope + 1, 1 - slope).clamp(min=0).to(device)

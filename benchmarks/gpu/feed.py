"""Whether a CPU keeps a GPU busy: what decoding and features cost, beside what the GPU eats."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch
from faster_whisper.feature_extractor import FeatureExtractor

from benchmarks.runner import cpu_seconds
from pipeline.audio import decode, downmix
from pipeline.features import kaldi_fbank
from pipeline.waveform import SAMPLE_RATE

WINDOW = 30 * SAMPLE_RATE
MELS = 128
"""Of the spectrogram that Whisper large-v3 hears."""


def feed(recording: Path) -> float:
    """Hours of audio that one core makes ready an hour: decoded, mixed, as Whisper's and as the voice model's input."""
    torch.set_num_threads(1)
    extractor = FeatureExtractor(feature_size=MELS)
    began, wall = cpu_seconds(), time.perf_counter()
    audio = downmix(decode(recording))
    for first in range(0, audio.length, WINDOW):
        samples = audio.mono_part(first, first + WINDOW)
        extractor(samples)
        kaldi_fbank(torch.from_numpy(np.ascontiguousarray(samples)))
    # Libraries that use several threads must not look faster than a core is.
    taken = max(cpu_seconds() - began, time.perf_counter() - wall)
    return audio.duration / taken

"""Reading recordings in a peer's interpreter."""

from __future__ import annotations

import wave

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000


def read_wav(path: str) -> NDArray[np.float32]:
    """Samples of a 16 kHz, 16-bit, one-channel wav file: (samples,), in [-1, 1]."""
    with wave.open(path, "rb") as file:
        content = file.readframes(file.getnframes())
    return np.frombuffer(content, dtype="<i2").astype(np.float32) / np.float32(32768)


def wav_seconds(path: str) -> float:
    """Length of a wav file, in seconds."""
    with wave.open(path, "rb") as file:
        return file.getnframes() / file.getframerate()

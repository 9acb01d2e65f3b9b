"""Recordings made of others."""

from __future__ import annotations

import wave
from itertools import cycle
from pathlib import Path

RATE = 16_000


def clip(source: Path, into: Path, seconds: float) -> Path:
    """The beginning of a WAV file."""
    with wave.open(str(source), "rb") as whole, wave.open(str(into), "wb") as part:
        part.setparams(whole.getparams())
        part.writeframes(whole.readframes(round(seconds * whole.getframerate())))
    return into


def repeated(source: Path, into: Path, seconds: float) -> Path:
    """A WAV file again and again, until it is so long."""
    with wave.open(str(source), "rb") as once, wave.open(str(into), "wb") as many:
        many.setparams(once.getparams())
        left = round(seconds * once.getframerate())
        frames, size = once.readframes(once.getnframes()), once.getsampwidth() * once.getnchannels()
        for turn in cycle([frames]):
            many.writeframes(turn[: left * size])
            left -= len(turn) // size
            if left <= 0:
                break
    return into


def silence(into: Path, seconds: float) -> Path:
    """Digital silence: costs the models nothing."""
    with wave.open(str(into), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(bytes(2 * round(seconds * RATE)))
    return into

"""A Whisper of two small layers with weights drawn by chance, in CTranslate2's format."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
import pytest

from benchmarks.gpu.random_whisper import SPECIAL, special_token, write_random_whisper
from pipeline.models.ggml import Sizes
from pipeline.types import FloatArray

SIZES = Sizes(
    vocabulary=160,
    audio_context=1500,
    audio_state=128,
    audio_heads=2,
    audio_layers=1,
    text_context=448,
    text_state=128,
    text_heads=2,
    text_layers=2,
    mels=80,
    type=1,
)
on_x86 = pytest.mark.skipif(platform.machine() not in {"x86_64", "AMD64"}, reason="8-bit products are those of x86")
PROMPT = [special_token(SIZES, "<|startoftranscript|>"), special_token(SIZES, "<|notimestamps|>")]
END = special_token(SIZES, "<|endoftext|>")


def token(name: str) -> int | None:
    """Id of a control token."""
    return special_token(SIZES, name) if name in SPECIAL else None


def write(folder: Path, quantization: str = "float16") -> Path:
    """Write the model to an empty folder."""
    write_random_whisper(SIZES, folder, quantization=quantization)
    return folder


def network(folder: Path) -> Any:
    """The model in CTranslate2, in float32."""
    return ctranslate2.models.Whisper(str(folder), device="cpu", compute_type="float32", intra_threads=1)


def encode(folder: Path, *frames: int) -> list[FloatArray]:
    """Chunks of so many mel frames of noise, encoded: (1, frames / 2, width) each."""
    chance, model = np.random.default_rng(1), network(folder)
    mels = [chance.standard_normal((1, SIZES.mels, count)).astype(np.float32) for count in frames]
    return [np.array(model.encode(ctranslate2.StorageView.from_array(mel), to_cpu=True)) for mel in mels]

"""How fast a recognizer goes at a fixed number of tokens a window, by batch size."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import ctranslate2
import numpy as np

from benchmarks.gpu.random_whisper import special_token
from pipeline.models.ggml import Sizes

WINDOW_SECONDS: Final = 30.0
PROMPT: Final = ("<|startoftranscript|>", "<|en|>", "<|transcribe|>", "<|notimestamps|>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What each window is given to do."""

    sizes: Sizes
    tokens: int = 80
    """Generated for each window: half a minute of speech has about as many."""
    beam: int = 5
    rounds: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Windows of 30 s through encoder and decoder, so many at once."""

    batch: int
    seconds: float
    """A batch, at best over the rounds: what the device can do."""

    @property
    def realtime(self) -> float:
        """Hours of audio an hour."""
        return self.batch * WINDOW_SECONDS / self.seconds


def measure(folder: Path, load: Load, batches: list[int], device: str, compute_type: str) -> list[Speed]:
    """Run batches of noise through a model of `write_random_whisper`; each window gets exactly as many tokens.

    Raises `RuntimeError` where that is not so: the figures would not compare.
    """
    network = ctranslate2.models.Whisper(str(folder), device=device, compute_type=compute_type)
    speeds = []
    for batch in batches:
        shape = (batch, load.sizes.mels, 2 * load.sizes.audio_context)
        mels = np.random.default_rng(batch).standard_normal(shape, dtype=np.float32)
        taken = [_timed(network, load, mels) for _ in range(load.rounds + 1)]
        speeds.append(Speed(batch=batch, seconds=min(taken[1:])))  # the first also sets up
    return speeds


def _timed(network: Any, load: Load, mels: Any) -> float:  # noqa: ANN401 - ctranslate2 is untyped
    prompt = [special_token(load.sizes, name) for name in PROMPT]
    began = time.perf_counter()
    encoded = network.encode(ctranslate2.StorageView.from_array(mels))
    results = network.generate(
        encoded,
        [prompt] * len(mels),
        beam_size=load.beam,
        max_length=max(2 * load.tokens, load.tokens + len(prompt)),  # it generates half of this at most
        suppress_blank=False,
        suppress_tokens=[special_token(load.sizes, "<|endoftext|>")],
    )
    taken = time.perf_counter() - began
    found = {len(result.sequences_ids[0]) for result in results}
    if found != {load.tokens}:
        message = f"windows have {sorted(found)} tokens instead of {load.tokens}"
        raise RuntimeError(message)
    return taken


def table(speeds: list[Speed]) -> list[str]:
    """In Markdown."""
    rows = [f"| {speed.batch} | {1000 * speed.seconds:.0f} | {speed.realtime:.0f} |" for speed in speeds]
    return ["| windows at once | ms | hours an hour |", "| ---: | ---: | ---: |", *rows]

"""A Whisper model of any size with random weights: its text means nothing, its arithmetic is that of the real one."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from pipeline.models.ggml import GgmlWhisper, Sizes
from pipeline.models.whisper_conversion import build_specification

TURBO: Final = Sizes(
    vocabulary=51_866,
    audio_context=1500,
    audio_state=1280,
    audio_heads=20,
    audio_layers=32,
    text_context=448,
    text_state=1280,
    text_heads=20,
    text_layers=4,
    mels=128,
    type=1,
)
"""Whisper large-v3-turbo: 809 million weights."""
SPECIAL: Final = (
    "<|endoftext|>",
    "<|startoftranscript|>",
    "<|en|>",
    "<|transcribe|>",
    "<|nospeech|>",
    "<|notimestamps|>",
)
"""What CTranslate2 looks for; here the last tokens of the vocabulary."""
WIDTH: Final = 3
"""Frames that each of the two convolutions sees."""
SCALE: Final = 0.02

Tensors = dict[str, npt.NDArray[np.float32]]


def write_random_whisper(sizes: Sizes, folder: Path, seed: int = 0, quantization: str = "float16") -> None:
    """Write a CTranslate2 directory with weights drawn by chance to an empty folder."""
    specification = build_specification(GgmlWhisper(sizes, (), _tensors(sizes, np.random.default_rng(seed))))
    specification.register_vocabulary(_vocabulary(sizes.vocabulary))
    specification.validate()
    specification.config.suppress_ids = []
    specification.config.suppress_ids_begin = []
    specification.config.lang_ids = [special_token(sizes, "<|en|>")]
    specification.config.alignment_heads = [[0, 0]]
    specification.optimize(quantization=quantization)
    specification.save(str(folder))


def special_token(sizes: Sizes, name: str) -> int:
    """Id of a control token."""
    return sizes.vocabulary - len(SPECIAL) + SPECIAL.index(name)


def _vocabulary(size: int) -> list[str]:
    return [*(f"t{number}" for number in range(size - len(SPECIAL))), *SPECIAL]


def _tensors(sizes: Sizes, chance: np.random.Generator) -> Tensors:
    drawn = _Drawn(chance)
    drawn.normal("encoder.conv1.weight", sizes.audio_state, sizes.mels, WIDTH)
    drawn.normal("encoder.conv2.weight", sizes.audio_state, sizes.audio_state, WIDTH)
    drawn.normal("encoder.conv1.bias", sizes.audio_state)
    drawn.normal("encoder.conv2.bias", sizes.audio_state)
    drawn.normal("encoder.positional_embedding", sizes.audio_context, sizes.audio_state)
    drawn.normal("decoder.positional_embedding", sizes.text_context, sizes.text_state)
    drawn.normal("decoder.token_embedding.weight", sizes.vocabulary, sizes.text_state)
    drawn.norm("encoder.ln_post", sizes.audio_state)
    drawn.norm("decoder.ln", sizes.text_state)
    for number in range(sizes.audio_layers):
        drawn.block(f"encoder.blocks.{number}", sizes.audio_state, "attn")
    for number in range(sizes.text_layers):
        drawn.block(f"decoder.blocks.{number}", sizes.text_state, "attn", "cross_attn")
    return drawn.tensors


class _Drawn:
    """Tensors by OpenAI's names."""

    def __init__(self, chance: np.random.Generator) -> None:
        self.tensors: Tensors = {}
        self._chance = chance

    def normal(self, name: str, *shape: int) -> None:
        self.tensors[name] = self._chance.standard_normal(shape, dtype=np.float32) * np.float32(SCALE)

    def linear(self, name: str, inputs: int, outputs: int) -> None:
        self.normal(f"{name}.weight", outputs, inputs)
        self.normal(f"{name}.bias", outputs)

    def norm(self, name: str, size: int) -> None:
        self.tensors[f"{name}.weight"] = np.ones(size, dtype=np.float32)
        self.tensors[f"{name}.bias"] = np.zeros(size, dtype=np.float32)

    def block(self, name: str, size: int, *attentions: str) -> None:
        """One layer of a transformer."""
        for attention in attentions:
            for part in ("query", "key", "value", "out"):
                self.linear(f"{name}.{attention}.{part}", size, size)
            self.norm(f"{name}.{attention}_ln", size)
        self.linear(f"{name}.mlp.0", size, 4 * size)
        self.linear(f"{name}.mlp.2", 4 * size, size)
        self.norm(f"{name}.mlp_ln", size)

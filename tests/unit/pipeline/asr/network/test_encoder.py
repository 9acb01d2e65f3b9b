from __future__ import annotations

from pathlib import Path

import ctranslate2
import numpy as np
import pytest
import torch

from pipeline.asr.network import encoder
from pipeline.asr.network.encoder import WhisperEncoder
from pipeline.asr.network.weights import Weights
from tests.unit.pipeline.asr.network import small_whisper
from tests.unit.pipeline.asr.network.small_whisper import SIZES

pytestmark = small_whisper.on_x86


@pytest.fixture(scope="session")
def weights(folder: Path) -> Weights:
    return Weights.read(folder / "model.bin")


def noise(frames: int) -> torch.Tensor:
    """A spectrogram of so many frames."""
    return torch.randn(SIZES.mels, frames, generator=torch.Generator().manual_seed(frames))


@pytest.mark.parametrize("frames", [10, 11, 1024, 3000])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_computes_what_ctranslate2_computes(folder: Path, weights: Weights, frames: int, dtype: torch.dtype) -> None:
    """Whatever is left over of the blocks in which frames are taken, and but for the rounding."""
    mel = noise(frames)
    view = ctranslate2.StorageView.from_array(mel.numpy()[None])
    theirs = torch.from_numpy(np.array(small_whisper.network(folder).encode(view, to_cpu=True))[0])
    ours = WhisperEncoder(weights, dtype)(mel)
    assert ours.shape == theirs.shape == (-(-frames // 2), SIZES.audio_state)
    assert ours.dtype == torch.float32
    assert (ours - theirs).norm() < 0.03 * theirs.norm()


@pytest.mark.parametrize("frames", [5, 256, 300, 1025])
@pytest.mark.parametrize(("dtype", "error"), [(torch.float32, 1e-5), (torch.bfloat16, 0.02)])
def test_attention_is_that_of_the_paper(frames: int, dtype: torch.dtype, error: float) -> None:
    """Vaswani et al. 2017, equation 1, with scores far enough apart for it to matter who is attended to."""
    queries, keys, values = torch.randn(3, 2, frames, 64, generator=torch.Generator().manual_seed(frames))
    exact = (2 * queries @ keys.transpose(1, 2) / 8).softmax(2) @ values
    found = encoder._attended((2 * queries).to(dtype), keys.to(dtype), values.to(dtype)).float()
    assert (found - exact).norm() < error * exact.norm()


def test_a_place_beyond_the_last_is_refused(weights: Weights) -> None:
    with pytest.raises(RuntimeError):
        WhisperEncoder(weights)(noise(3002))


def test_an_encoder_that_is_not_whispers_is_told_from_it(weights: Weights) -> None:
    assert WhisperEncoder.is_whisper(weights)
    other = Weights({**weights._variables, "encoder/alibi": np.asarray(1, dtype=np.int8)})
    assert not WhisperEncoder.is_whisper(other)
    assert len(WhisperEncoder(weights)._layers) == SIZES.audio_layers

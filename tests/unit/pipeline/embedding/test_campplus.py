"""The context gates of CAM++, which are computed once for every two seconds, against a loop over the frames."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pipeline.embedding.campplus import CONTEXT_FRAMES, ContextAwareMask


def naive(mask: ContextAwareMask, inputs: Tensor) -> Tensor:
    """Gate every frame by the mean of all frames plus the mean of the frames of its own two seconds."""
    gated = []
    local = mask.linear_local(inputs)
    everywhere = inputs.mean(dim=2)
    for frame in range(inputs.shape[2]):
        first = frame // CONTEXT_FRAMES * CONTEXT_FRAMES
        near = inputs[:, :, first : first + CONTEXT_FRAMES].mean(dim=2)
        hidden = torch.relu(mask.linear1((everywhere + near).unsqueeze(2)))
        gated.append(local[:, :, frame] * torch.sigmoid(mask.linear2(hidden))[:, :, 0])
    return torch.stack(gated, dim=2)


@pytest.mark.parametrize("frames", [1, 37, 99, 100, 101, 200, 250])
@pytest.mark.parametrize("dilation", [1, 2])
def test_gates_are_those_of_every_frame(frames: int, dilation: int) -> None:
    """Also in the last stretch, which is averaged over the frames that it has."""
    torch.manual_seed(frames)
    mask = ContextAwareMask(dilation).eval()
    inputs = torch.randn(2, 128, frames)
    with torch.inference_mode():
        outputs = mask(inputs)
        assert outputs.shape == (2, 32, frames)
        assert torch.allclose(outputs, naive(mask, inputs), atol=1e-5)

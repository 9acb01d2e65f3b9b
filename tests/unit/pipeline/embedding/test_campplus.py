"""The context gates of CAM++, which are computed once for every two seconds, against a loop over the frames."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pipeline.embedding.campplus import CONTEXT_FRAMES, ContextAwareMask


def naive(mask: ContextAwareMask, inputs: Tensor) -> Tensor:
    """Gate every frame by the mean of all frames plus the mean of the frames of its own two seconds."""
    gated = []
    local = mask.linear_local(inputs.transpose(1, 2))
    everywhere = inputs.mean(dim=1)
    for frame in range(inputs.shape[1]):
        first = frame // CONTEXT_FRAMES * CONTEXT_FRAMES
        near = inputs[:, first : first + CONTEXT_FRAMES].mean(dim=1)
        hidden = torch.relu(mask.linear1(everywhere + near))
        gated.append(local[:, :, frame] * torch.sigmoid(mask.linear2(hidden)))
    return torch.stack(gated, dim=1)


@pytest.mark.parametrize("frames", [1, 37, 99, 100, 101, 200, 250])
@pytest.mark.parametrize("dilation", [1, 2])
def test_gates_are_those_of_every_frame(frames: int, dilation: int) -> None:
    """Also in the last stretch, which is averaged over the frames that it has."""
    torch.manual_seed(frames)
    mask = ContextAwareMask(dilation).eval()
    inputs = torch.randn(2, frames, 128)
    with torch.inference_mode():
        outputs = mask(inputs)
        assert outputs.shape == (2, frames, 32)
        assert torch.allclose(outputs, naive(mask, inputs), atol=1e-5)

from __future__ import annotations

import pytest
import torch

from pipeline.segmentation.sincnet import FEW_LENGTHS, STRIDE, SincEncoder


@pytest.fixture
def encoder() -> SincEncoder:
    torch.manual_seed(3)
    encoder = SincEncoder()
    bank = encoder.filterbank
    for values in (bank.low_hz_, bank.band_hz_):
        values.data.uniform_(50, 400)
    bank.window_.uniform_(0.1, 1.0)
    bank.n_.copy_(torch.arange(-125, 0) * 2 * torch.pi / 16000)
    return encoder


@pytest.mark.parametrize("samples", [251, 260, 1000, FEW_LENGTHS * STRIDE + 250, 70_007])
@torch.inference_mode()
def test_filters_respond_as_a_plain_convolution_does(encoder: SincEncoder, samples: int) -> None:
    """Whatever the length it is computed in."""
    audio = torch.randn(samples)
    plain = torch.nn.functional.conv1d(audio[None, None], encoder.filterbank(), stride=STRIDE)[0].T
    responses = encoder(audio)
    assert responses.shape == plain.shape
    assert torch.allclose(responses, plain, rtol=1e-3, atol=1e-3 * float(plain.abs().max()))


@torch.inference_mode()
def test_the_convolution_meets_few_lengths(encoder: SincEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """It keeps a plan, with memory, for each."""
    lengths, convolve = set(), torch.nn.functional.conv1d

    def noted(inputs: torch.Tensor, filters: torch.Tensor) -> torch.Tensor:
        lengths.add(inputs.shape[2])
        return convolve(inputs, filters)

    monkeypatch.setattr(torch.nn.functional, "conv1d", noted)
    for seconds in (0.5, 1.0, 1.9, 2.5, 3.7, 4.0, 5.1, 5.5):
        encoder(torch.randn(round(seconds * 16_000)))
    assert len(lengths) == 3

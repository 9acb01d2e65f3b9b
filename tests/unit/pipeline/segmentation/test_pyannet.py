from __future__ import annotations

from typing import cast

import pytest
import torch
from torch.nn import functional

from pipeline.errors import UnknownModel
from pipeline.segmentation.pyannet import PyanNet
from pipeline.segmentation.sincnet import (
    LONGEST,
    SAMPLE_RATE,
    FrameConvolution,
    SincEncoder,
    SincFilterbank,
    SincNet,
)

PUBLISHED = (
    "sincnet.wav_norm1d.weight",
    "sincnet.conv1d.0.filterbank.low_hz_",
    "sincnet.conv1d.0.filterbank.band_hz_",
    "sincnet.conv1d.0.filterbank.window_",
    "sincnet.conv1d.0.filterbank.n_",
    "sincnet.conv1d.2.bias",
    "sincnet.norm1d.2.weight",
    "lstm.weight_ih_l0",
    "lstm.bias_hh_l3_reverse",
    "linear.1.weight",
    "classifier.bias",
)


def filterbank(low: float, band: float) -> SincFilterbank:
    """All filters alike: from `low` to `low + band` Hz, with the time axis and the window of the published model."""
    bank = SincFilterbank()
    with torch.no_grad():
        bank.low_hz_.fill_(low - 50)
        bank.band_hz_.fill_(band - 50)
        bank.n_.copy_(2 * torch.pi * torch.arange(-125, 0) / SAMPLE_RATE)
        bank.window_.copy_(torch.hamming_window(251, periodic=False)[:125])
    return bank


def test_tensors_have_the_published_names() -> None:
    assert set(PUBLISHED) <= set(PyanNet().state_dict())


def test_a_state_dict_is_loaded_whole() -> None:
    tensors = {name: torch.rand_like(tensor) for name, tensor in PyanNet().state_dict().items()}
    network = PyanNet.of(tensors)
    assert not network.training
    assert all(torch.equal(tensor, tensors[name]) for name, tensor in network.state_dict().items())


def test_a_model_of_other_classes_or_another_network_is_refused_in_words() -> None:
    """Four speakers, two at once, are eleven classes."""
    four = {**PyanNet().state_dict(), "classifier.weight": torch.zeros(11, 128), "classifier.bias": torch.zeros(11)}
    for tensors in (four, {"encoder.weight": torch.zeros(3)}):
        with pytest.raises(UnknownModel, match="7 powerset classes"):
            PyanNet.of(tensors)


def test_a_missing_tensor_or_one_too_many_is_refused() -> None:
    tensors = dict(PyanNet().state_dict())
    with pytest.raises(RuntimeError, match="Unexpected"):
        PyanNet.of({**tensors, "powerset.mapping": torch.zeros(1)})
    del tensors["linear.0.bias"]
    with pytest.raises(RuntimeError, match="Missing"):
        PyanNet.of(tensors)


@pytest.mark.parametrize(("hertz", "passes"), [(200, False), (1000, True), (1400, True), (3000, False)])
def test_filters_pass_their_band_whatever_the_phase(hertz: float, passes: bool) -> None:
    """Cosine and sine filters together: the envelope of a tone inside the band is high, outside it low."""
    with torch.no_grad():
        filters = filterbank(800, 800)()  # (80, 1, 251)
    tone = torch.sin(torch.arange(251) * (2 * torch.pi * hertz / SAMPLE_RATE) + 1.0)
    even, odd = (float((filters[number, 0] * tone).sum()) for number in (0, 40))
    inside = torch.sin(torch.arange(251) * (2 * torch.pi * 1200 / SAMPLE_RATE) + 1.0)
    reference = float((filters[0, 0] * inside).sum() ** 2 + (filters[40, 0] * inside).sum() ** 2) ** 0.5
    level = (even**2 + odd**2) ** 0.5 / reference
    assert level > 0.8 if passes else level < 0.05


def test_edges_below_zero_count_by_their_size_and_stay_below_half_the_rate() -> None:
    with torch.no_grad():
        bank = filterbank(800, 800)
        expected = bank()
        bank.low_hz_.neg_()
        bank.band_hz_.neg_()
        assert torch.equal(bank(), expected)
        bank.band_hz_.fill_(20_000)
        assert torch.isfinite(bank()).all()


def audible() -> PyanNet:
    """Random weights, but for filters that are ones."""
    torch.manual_seed(3)
    network = PyanNet().eval()
    with torch.no_grad():
        for name, parameter in network.sincnet.named_parameters():
            if name.startswith(("norm1d", "wav_norm1d")):
                parameter.copy_(0.5 + torch.rand_like(parameter))
        network.get_submodule("sincnet.conv1d.0.filterbank").load_state_dict(filterbank(60, 1500).state_dict())
    return network


@pytest.mark.parametrize("sign", [1, -1])
def test_windows_share_the_filters_and_each_gives_what_it_gives_as_published(sign: int) -> None:
    """Against the layers one by one: normalised samples, filters, their size, the highest of three, instance norm."""
    network = audible().sincnet
    with torch.no_grad():
        network.wav_norm1d.weight.mul_(sign)
    tensors, kinds = dict(network.named_parameters()), ("weight", "bias")
    samples = 0.1 * torch.randn(3 * SAMPLE_RATE) + torch.linspace(-0.2, 0.3, 3 * SAMPLE_RATE)
    starts, length = [0, 270, 8100, 31_980], SAMPLE_RATE
    with torch.inference_mode():
        shared = network(samples, starts, length)
        filters = network.get_submodule("conv1d.0.filterbank")()
        for start, frames in zip(starts, shared, strict=True):
            window = samples[start : start + length]
            outputs = functional.conv1d(network.wav_norm1d(window[None]), filters, stride=10).abs()
            for layer in range(3):
                if layer:
                    weight, bias = (tensors[f"conv1d.{layer}.{kind}"] for kind in kinds)
                    outputs = functional.conv1d(outputs, weight, bias)
                weight, bias = (tensors[f"norm1d.{layer}.{kind}"] for kind in kinds)
                pooled = functional.max_pool1d(outputs, 3)[None]
                outputs = functional.leaky_relu(functional.instance_norm(pooled, weight=weight, bias=bias)[0])
            assert torch.allclose(frames, outputs.T, atol=1e-4)


def test_half_the_digits_move_a_convolution_by_their_rounding() -> None:
    convolution = FrameConvolution(80, 60, 5)
    frames = torch.randn(200, 80)
    with torch.inference_mode():
        exact = convolution(frames)
        rounded = convolution.to(torch.bfloat16)(frames)
    assert rounded.dtype == torch.float32
    assert 0 < (rounded - exact).norm() < 0.01 * exact.norm()


def test_half_the_digits_move_no_probability_by_much() -> None:
    plain, short = audible(), audible()
    short.prepare(torch.bfloat16)
    samples = 0.1 * torch.randn(SAMPLE_RATE)
    with torch.inference_mode():
        exact = plain(samples, [0], SAMPLE_RATE).exp()
        rounded = short(samples, [0], SAMPLE_RATE).exp()
    # Probabilities of random weights move little from frame to frame.
    assert 0 < (rounded - exact).norm() < 0.1 * (exact - exact.mean(1, keepdim=True)).norm()


def test_neither_level_nor_polarity_of_a_recording_matters() -> None:
    """Samples are normalised first, and only the envelope of each band goes on."""
    torch.manual_seed(3)
    network = PyanNet().eval()
    with torch.no_grad():
        network.get_submodule("sincnet.conv1d.0.filterbank").load_state_dict(filterbank(300, 1500).state_dict())
        samples = 0.1 * torch.randn(SAMPLE_RATE)
        heard, quiet, turned = (
            network(gain * samples, [0], SAMPLE_RATE) for gain in (torch.tensor(1.0), torch.tensor(0.1), -1.0)
        )
        assert torch.allclose(heard, quiet, atol=5e-3)
        assert torch.allclose(heard, turned, atol=1e-4)
        assert torch.allclose(heard.exp().sum(dim=-1), torch.ones(1), atol=1e-5)


@torch.inference_mode()
def test_windows_that_lie_far_apart_are_heard_as_they_are_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The filters take a part of a long stretch at a time."""
    torch.manual_seed(5)
    network, length = PyanNet().eval(), 10 * SAMPLE_RATE
    cast("SincEncoder", network.sincnet.conv1d[0]).filterbank = filterbank(300, 600)
    heard, respond = list[int](), SincEncoder.forward

    def noted(self: SincEncoder, samples: torch.Tensor) -> torch.Tensor:
        heard.append(len(samples))
        return respond(self, samples)

    monkeypatch.setattr(SincEncoder, "forward", noted)
    samples, starts = torch.randn(110 * SAMPLE_RATE), [9 * SAMPLE_RATE * number for number in range(12)]
    together = network(samples, starts, length)
    assert max(heard) <= LONGEST
    assert len(heard) == 3
    for number, start in enumerate(starts):
        alone = network(samples[start : start + length], [0], length)[0]
        assert torch.allclose(together[number], alone, atol=1e-4)


@torch.inference_mode()
def test_a_window_longer_than_what_is_heard_at_once_is_heard_whole() -> None:
    torch.manual_seed(5)
    network, length = SincNet().eval(), LONGEST + SAMPLE_RATE
    cast("SincEncoder", network.conv1d[0]).filterbank = filterbank(300, 600)
    samples = torch.randn(length + 300)
    both = network(samples, [0, 300], length)
    for number, start in enumerate((0, 300)):
        assert torch.allclose(both[number], network(samples[start : start + length], [0], length)[0], atol=1e-4)

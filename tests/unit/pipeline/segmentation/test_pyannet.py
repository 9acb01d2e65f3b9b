from __future__ import annotations

import pytest
import torch

from pipeline.errors import UnknownModel
from pipeline.segmentation.pyannet import PyanNet
from pipeline.segmentation.sincnet import SAMPLE_RATE, SincFilterbank

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


def test_neither_level_nor_polarity_of_a_recording_matters() -> None:
    """Samples are normalised first, and only the envelope of each band goes on."""
    torch.manual_seed(3)
    network = PyanNet().eval()
    with torch.no_grad():
        network.get_submodule("sincnet.conv1d.0.filterbank").load_state_dict(filterbank(300, 1500).state_dict())
        samples = 0.1 * torch.randn(1, SAMPLE_RATE)
        assert torch.allclose(network(samples), network(0.1 * samples), atol=5e-3)
        assert torch.allclose(network(samples), network(-samples), atol=1e-4)
        assert torch.allclose(network(samples).exp().sum(dim=-1), torch.ones(1), atol=1e-5)

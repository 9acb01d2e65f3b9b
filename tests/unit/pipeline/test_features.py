from __future__ import annotations

from typing import Literal

import kaldi_native_fbank
import numpy as np
import pytest
import torch

from pipeline.features import kaldi_fbank, speechbrain_fbank
from pipeline.types import FloatArray
from pipeline.waveform import SAMPLE_RATE


def noise_and_tone(seconds: float = 2.0) -> FloatArray:
    """Sound in all bands, a tone in one, and a stretch of silence."""
    count = round(seconds * SAMPLE_RATE)
    samples = np.random.default_rng(7).normal(0, 0.05, count) + 0.2 * np.sin(np.arange(count) * 0.4)
    samples[count // 2 : count // 2 + 2000] = 0
    return np.asarray(samples, dtype=np.float32)


def by_kaldi(samples: FloatArray, window: str) -> FloatArray:
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.dither = 0.0
    options.frame_opts.window_type = window
    options.frame_opts.snip_edges = True
    options.mel_opts.num_bins = 80
    bank = kaldi_native_fbank.OnlineFbank(options)
    bank.accept_waveform(SAMPLE_RATE, samples.tolist())
    bank.input_finished()
    return np.stack([bank.get_frame(number) for number in range(bank.num_frames_ready)])


@pytest.mark.parametrize("window", ["povey", "hamming"])
@pytest.mark.parametrize("scale", [1.0, 32768.0])
def test_filterbank_is_kaldis(window: Literal["povey", "hamming"], scale: float) -> None:
    samples = noise_and_tone()
    ours = kaldi_fbank(torch.from_numpy(samples), scale, window).numpy()
    expected = by_kaldi(samples * np.float32(scale), window)
    assert ours.shape == expected.shape == (198, 80)
    assert np.abs(ours - expected).max() <= 2e-3


def test_less_than_one_frame_is_filled_up_with_silence() -> None:
    short = torch.from_numpy(noise_and_tone()[:100])
    padded = torch.cat([short, torch.zeros(300)])
    assert torch.equal(kaldi_fbank(short), kaldi_fbank(padded))
    assert kaldi_fbank(torch.zeros(0)).shape == (1, 80)


def test_silence_has_finite_features() -> None:
    assert torch.isfinite(kaldi_fbank(torch.zeros(SAMPLE_RATE))).all()
    assert torch.isfinite(speechbrain_fbank(torch.zeros(SAMPLE_RATE))).all()


def test_speechbrain_features_are_centred_on_every_hundredth_of_a_second() -> None:
    """A click at half a second is loudest in frame 50."""
    samples = torch.zeros(SAMPLE_RATE)
    samples[SAMPLE_RATE // 2] = 1.0
    features = speechbrain_fbank(samples)
    assert features.shape == (101, 80)
    assert int(features.mean(dim=1).argmax()) == 50


def test_speechbrain_features_end_eighty_decibels_below_the_loudest() -> None:
    features = speechbrain_fbank(torch.from_numpy(noise_and_tone()))
    assert float(features.max() - features.min()) == pytest.approx(80, abs=1e-3)


def test_speechbrain_features_rise_by_the_gain_in_decibels() -> None:
    samples = torch.from_numpy(noise_and_tone())
    assert torch.allclose(speechbrain_fbank(10 * samples), speechbrain_fbank(samples) + 20, atol=1e-2)


@pytest.mark.parametrize(("hertz", "low", "high"), [(300, 5, 15), (1000, 24, 34), (4000, 56, 66)])
def test_a_tone_sounds_in_the_band_of_its_pitch(hertz: int, low: int, high: int) -> None:
    """Both mel scales put a tone within a few bands of each other."""
    tone = torch.sin(torch.arange(SAMPLE_RATE) * (2 * torch.pi * hertz / SAMPLE_RATE))
    for features in (kaldi_fbank(tone), speechbrain_fbank(tone)):
        assert low <= int(features.mean(dim=0).argmax()) <= high

from __future__ import annotations

import numpy as np
import pytest

from pipeline.errors import InvalidWaveform
from pipeline.types import Notice, Segment
from pipeline.waveform import SAMPLE_RATE, Waveform

TWO = Waveform.of(np.stack([np.zeros(SAMPLE_RATE), np.ones(SAMPLE_RATE)]).astype(np.float32), "call")


def test_16_bits_are_heard_as_floats() -> None:
    stored = np.array([[-(2**15), -1, 0, 2**14, 2**15 - 1]], dtype=np.int16)
    waveform = Waveform(stored=stored)
    assert waveform.samples.dtype == np.float32
    assert waveform.mono.tolist() == [-1.0, -(2**-15), 0.0, 0.5, 1 - 2**-15]
    assert waveform.mono_part(1, 3).tolist() == [-(2**-15), 0.0]
    assert stored.tolist() == [[-(2**15), -1, 0, 2**14, 2**15 - 1]]


def test_samples_without_a_channel_axis_are_one_channel() -> None:
    waveform = Waveform.of(np.zeros(8000, dtype=np.float32))
    assert (waveform.channels, waveform.duration) == (1, 0.5)


def test_samples_become_single_precision() -> None:
    assert Waveform.of(np.zeros(8, dtype=np.float64).astype(np.float32)).samples.dtype == np.float32


def test_a_channel_keeps_the_name_and_the_notices() -> None:
    heard = Waveform(stored=TWO.samples, uri="call", notices=(Notice("truncated", "…"),)).channel(1)
    assert (heard.uri, heard.channels, heard.notices[0].code) == ("call", 1, "truncated")
    assert heard.mono.min() == 1.0


def test_two_channels_are_not_mixed_by_accident() -> None:
    with pytest.raises(ValueError, match="expected one channel, got 2"):
        _ = TWO.mono


def test_a_crop_is_cut_off_at_the_ends_of_the_recording() -> None:
    voice = Waveform.of(np.arange(SAMPLE_RATE, dtype=np.float32))
    assert voice.crop(Segment(0.5, 0.75))[[0, -1]].tolist() == [8000, 11_999]
    assert len(voice.crop(Segment(-1.0, 0.25))) == 4000
    assert len(voice.crop(Segment(0.9, 3.0))) == 1600
    assert len(voice.crop(Segment(2.0, 3.0))) == 0
    assert len(voice.crop(Segment(-2.0, -1.0))) == 0


def test_samples_on_an_integer_scale_are_refused() -> None:
    with pytest.raises(InvalidWaveform, match="divide 16-bit integers by 32768"):
        Waveform.of(np.zeros(10, dtype=np.int16))


@pytest.mark.parametrize("shape", [(100, 2), (1, 2, 100)])
def test_samples_with_their_axes_in_another_order_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidWaveform, match="transpose"):
        Waveform.of(np.zeros(shape, dtype=np.float32))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_no_numbers_are_refused(value: float) -> None:
    with pytest.raises(InvalidWaveform, match="not finite"):
        Waveform.of(np.array([0.0, value], dtype=np.float32))


def test_an_empty_recording_is_a_recording() -> None:
    empty = Waveform.of(np.zeros(0, dtype=np.float32))
    assert (empty.channels, empty.duration) == (1, 0.0)

"""Blocks of samples become FLAC, whatever their number of channels and level."""

from __future__ import annotations

import io

import numpy as np
import pytest

from pipeline.audio import decode
from pipeline.types import FloatArray, Notice
from pipeline.waveform import SAMPLE_RATE
from tests.unit.pipeline.audio.recordings import tone
from workers.sandbox.flac_writing import within_flac, write_flac
from workers.sandbox.stored_audio import flac_header


def written(samples: FloatArray, block: int = 1_000) -> tuple[bytes, list[Notice]]:
    file, notices = io.BytesIO(), list[Notice]()
    blocks = (samples[:, first : first + block] for first in range(0, samples.shape[1], block))
    write_flac(blocks, file, notices)
    return file.getvalue(), notices


@pytest.mark.parametrize("length", [1, 15, 16, 17, 4_607, 4_608, 4_609, 100_000])
def test_any_length_comes_back_whole(length: int) -> None:
    samples = tone(10.0)[:, :length]
    data, notices = written(samples)
    assert (flac_header(data).samples, flac_header(data).channels, notices) == (length, 1, [])
    assert np.abs(decode(data).samples - samples).max() <= 2**-16


def test_full_scale_is_kept_and_what_lies_beyond_is_clipped() -> None:
    samples = np.array([[-1.0, 1.0, -3.0, 3.0]], dtype=np.float32).repeat(10, axis=1)
    data, notices = written(samples)
    assert set(decode(data).samples.ravel().tolist()) == {-1.0, 1 - 2**-15}
    assert [notice.code for notice in notices] == ["clipped"]
    assert "50.0 %" in notices[0].message


def test_single_samples_beyond_full_scale_are_not_worth_a_notice() -> None:
    samples = tone(1.0)
    samples[0, :100] = 1.2
    assert written(samples)[1] == []


def test_eight_channels_pass_as_they_are() -> None:
    blocks = [np.full((8, 10), number, dtype=np.float32) for number in range(3)]
    notices: list[Notice] = []
    assert list(map(id, within_flac(iter(blocks), "auto", notices))) == list(map(id, blocks))
    assert notices == []


def test_a_voice_on_one_of_many_channels_is_heard_in_every_minute() -> None:
    block = SAMPLE_RATE * 25
    blocks = [np.zeros((10, block), dtype=np.float32) for _ in range(6)]
    for number, samples in enumerate(blocks):
        samples[number] = tone(25.0)[0]
    notices: list[Notice] = []
    mixed = list(within_flac(iter(blocks), "auto", notices))
    assert [piece.shape for piece in mixed] == [(1, 3 * block), (1, 3 * block)]
    whole = np.concatenate(mixed, axis=1)[0].reshape(6, block)
    assert (np.abs(whole).max(axis=1) > 0.05).all()
    assert [notice.code for notice in notices] == ["mixed_down"]

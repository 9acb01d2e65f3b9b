"""Floats become 16-bit integers, and what does not fit is clipped and counted."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.audio import decode
from pipeline.audio.pcm import PcmRounding
from tests.unit.pipeline.audio.recordings import encoded, tone


def test_what_was_16_bits_comes_back_as_it_was() -> None:
    every = np.arange(-(2**15), 2**15, dtype=np.int16)
    assert np.array_equal(PcmRounding()(np.asarray(every / 2**15, dtype=np.float32)), every)


def test_what_is_too_loud_is_clipped_and_told_over_all_parts() -> None:
    rounded = PcmRounding()
    assert rounded(np.array([-3.0, -1.0, 1.0, 3.0], dtype=np.float32)).tolist() == [-(2**15), -(2**15), 32767, 32767]
    assert "50.0 %" in rounded.notices[0].message
    rounded(np.zeros(196, dtype=np.float32))
    assert rounded.notices == ()  # 1 %


def test_nothing_is_not_too_loud() -> None:
    assert PcmRounding().notices == ()


@pytest.mark.parametrize(("gain", "codes"), [(0.9, []), (3.0, ["clipped"])])
def test_a_recording_in_floating_point_that_is_too_loud_says_so(gain: float, codes: list[str]) -> None:
    loud = decode(encoded(gain / 0.3 * tone(1.0), "wav", "pcm_f32le"))
    assert [notice.code for notice in loud.notices] == codes

from __future__ import annotations

import numpy as np
import pytest

from pipeline.audio import channel_is_silent, downmix
from pipeline.audio.pcm import PcmRounding
from pipeline.types import FloatArray
from pipeline.waveform import FULL_SCALE, Waveform
from tests.unit.pipeline.audio.recordings import talk

VOICE = talk(10.0, 1, ((0.5, 9.0),))
OTHER = talk(10.0, 2, ((0.5, 9.0),))
NOTHING = np.zeros_like(VOICE)


def mix(*channels: FloatArray) -> tuple[FloatArray, list[str]]:
    waveform = downmix(Waveform(stored=np.stack(channels).astype(np.float32)))
    return waveform.mono, [notice.code for notice in waveform.notices]


def test_one_channel_comes_back_as_it_is() -> None:
    waveform = Waveform.of(VOICE)
    assert downmix(waveform) is waveform


@pytest.mark.parametrize("silent_first", [True, False])
def test_a_silent_side_costs_no_level(silent_first: bool) -> None:
    channels = (NOTHING, VOICE) if silent_first else (VOICE, NOTHING)
    mixed, codes = mix(*channels)
    assert np.array_equal(mixed, VOICE)
    assert codes == ["silent_channel"]


def test_a_side_with_nothing_but_an_offset_is_silent() -> None:
    mixed, codes = mix(VOICE, NOTHING + np.float32(0.3))
    assert np.array_equal(mixed, VOICE)
    assert codes == ["silent_channel"]


def test_antiphase_does_not_cancel() -> None:
    mixed, codes = mix(VOICE, -VOICE)
    assert np.abs(mixed) == pytest.approx(np.abs(VOICE), abs=1e-6)
    assert codes == ["antiphase"]


def test_antiphase_is_found_behind_an_offset_and_another_gain() -> None:
    mixed, codes = mix(VOICE + np.float32(0.3), -0.5 * VOICE + np.float32(0.3))
    assert (mixed - mixed.mean()).std() == pytest.approx(0.75 * VOICE.std(), rel=0.01)
    assert codes == ["antiphase"]


def test_antiphase_in_a_part_of_the_recording_is_turned_over_only_there() -> None:
    """Without a click where it changes: no step is larger than those of the voice itself."""
    ramp = np.linspace(1, -1, 160)
    sign = np.concatenate([np.ones(64_000), ramp, -np.ones(len(VOICE) - 64_160)]).astype(np.float32)
    mixed, codes = mix(VOICE, sign * VOICE)
    blocks = slice(80_000, 140_000)
    assert mixed[blocks] == pytest.approx(VOICE[blocks], abs=1e-6)
    assert mixed[:60_000] == pytest.approx(VOICE[:60_000], abs=1e-6)
    assert codes == ["antiphase"]


def test_a_mix_of_wide_and_antiphase_sound_keeps_its_level() -> None:
    """Half in antiphase, half independent: turning over loses nothing."""
    mixed, _ = mix(VOICE + 0.5 * OTHER, -VOICE + 0.5 * NOTHING)
    assert mixed.std() > 0.9 * VOICE.std()


def test_the_same_on_both_sides_is_noticed() -> None:
    mixed, codes = mix(VOICE, VOICE, VOICE)
    assert mixed == pytest.approx(VOICE, abs=1e-6)
    assert codes == ["dual_mono"]


def test_two_voices_are_both_kept_without_a_notice() -> None:
    mixed, codes = mix(VOICE, OTHER)
    assert np.abs(np.corrcoef(mixed, VOICE)[0, 1]) == pytest.approx(np.sqrt(0.5), abs=0.05)
    assert np.abs(np.corrcoef(mixed, OTHER)[0, 1]) == pytest.approx(np.sqrt(0.5), abs=0.05)
    assert codes == []


def test_six_channels_of_falling_level_add_up() -> None:
    gains = (1.0, 0.8, 0.6, 0.4, 0.2, 0.1)
    mixed, codes = mix(*(np.float32(gain) * VOICE for gain in gains))
    assert mixed == pytest.approx(VOICE * np.float32(np.mean(gains)), abs=1e-5)
    assert codes == []


def test_all_channels_silent_give_silence() -> None:
    mixed, codes = mix(NOTHING, NOTHING)
    assert np.array_equal(mixed, NOTHING)
    assert codes == ["silent_channel"]


def test_a_single_sample_can_be_mixed() -> None:
    assert mix(VOICE[:1], VOICE[:1])[0].shape == (1,)


def test_what_is_stored_in_16_bits_is_mixed_alike_and_stays_so() -> None:
    channels = np.stack([VOICE, 0.5 * VOICE + np.float32(0.01), -VOICE]).astype(np.float32)
    stored = PcmRounding()(channels)
    mixed, floats = (
        downmix(Waveform(stored=stored)),
        downmix(Waveform(stored=np.asarray(stored / FULL_SCALE, dtype=np.float32))),
    )
    assert mixed.stored.dtype == np.int16
    assert np.abs(mixed.samples - floats.samples).max() <= 0.5 / FULL_SCALE
    assert [notice.code for notice in mixed.notices] == [notice.code for notice in floats.notices]


def test_the_recording_itself_is_left_alone() -> None:
    waveform = Waveform(stored=np.stack([VOICE, -VOICE]))
    downmix(waveform)
    assert np.array_equal(waveform.samples, np.stack([VOICE, -VOICE]))


@pytest.mark.parametrize(("gain", "silent"), [(0.0, True), (1e-5, True), (1e-2, False), (1.0, False)])
def test_a_channel_is_silent_below_80_db(gain: float, silent: bool) -> None:
    assert channel_is_silent(Waveform.of(np.float32(gain) * VOICE + np.float32(0.1))) is silent


def test_a_few_words_in_an_hour_are_not_silence() -> None:
    hour = np.zeros(600 * 16_000, dtype=np.float32)
    hour[:48_000] = VOICE[16_000:64_000]
    assert not channel_is_silent(Waveform.of(hour))

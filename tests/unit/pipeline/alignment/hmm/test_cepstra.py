"""Cepstra, against those of PocketSphinx and by what they are for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pocketsphinx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter

from pipeline.alignment.hmm import cepstra as front_end
from pipeline.alignment.hmm.cepstra import FRAMES_PER_SECOND, STREAMS, cepstra
from pipeline.types import FloatArray
from pipeline.waveform import SAMPLE_RATE

MODEL = Path(pocketsphinx.get_model_path("en-us"), "en-us")


def voice(seconds: float = 4.0) -> FloatArray:
    """Pulses of a moving pitch through resonances that change every 100 ms, with pauses, in 16-bit steps."""
    random = np.random.default_rng(3)
    count = round(seconds * SAMPLE_RATE)
    time = np.arange(count) / SAMPLE_RATE
    cycles = np.cumsum(120 + 20 * np.sin(8 * time)) / SAMPLE_RATE
    source = np.diff(np.floor(cycles), prepend=0) + random.normal(0, 0.03, count)
    said = np.zeros(count)
    for first in range(0, count, SAMPLE_RATE // 10):
        sound = source[first : first + SAMPLE_RATE // 10]
        for lowest, highest, width in ((250, 850, 80), (900, 2300, 120), (2400, 3400, 200)):
            radius = np.exp(-np.pi * width / SAMPLE_RATE)
            turn = 2 * np.pi * random.uniform(lowest, highest) / SAMPLE_RATE
            sound = lfilter([1.0], [1.0, -2 * radius * np.cos(turn), radius**2], sound)
        said[first : first + len(sound)] = sound * random.choice([0.05, 0.5, 1.0])
    said *= np.sin(4.4 * time) > -0.6
    loud = 0.3 * said / np.abs(said).max() + random.normal(0, 1e-4, count)
    return np.asarray(np.round(loud * 32767) / 32767, dtype=np.float32)


def noise(seconds: float, level: float = 0.01) -> FloatArray:
    count = round(seconds * SAMPLE_RATE)
    return np.random.default_rng(5).normal(0, level, count).astype(np.float32)


def by_pocketsphinx(samples: FloatArray, folder: Path, *, less_noise: bool) -> npt.NDArray[np.float64]:
    """Cepstra as PocketSphinx computes them, without their mean. What it does with noise is set beside its model."""
    for file in MODEL.iterdir():
        if file.name != "feat.params":
            (folder / file.name).symlink_to(file)
    settings = (MODEL / "feat.params").read_text()
    assert "-remove_noise yes" in settings
    wanted = settings if less_noise else settings.replace("-remove_noise yes", "-remove_noise no")
    (folder / "feat.params").write_text(wanted)
    log = folder / "log"
    log.mkdir()
    decoder = pocketsphinx.Decoder(hmm=str(folder), lm=None, loglevel="FATAL", bestpath=False, mfclogdir=str(log))
    decoder.set_align_text("a")
    decoder.start_utt()
    decoder.process_raw(np.round(samples * 32767).astype("<i2").tobytes(), full_utt=True)
    decoder.end_utt()
    (written,) = log.iterdir()
    values = np.fromfile(written, ">f4")[1:].reshape(-1, 13)[: len(cepstra(samples)[0])].astype(np.float64)
    return np.asarray(values - values.mean(axis=0))


@pytest.mark.parametrize(
    ("samples", "frames"), [(0, 0), (1, 0), (409, 0), (410, 1), (569, 1), (570, 2), (730, 3), (16_000, 98)]
)
def test_a_frame_is_410_samples_and_the_next_begins_160_later(samples: int, frames: int) -> None:
    features = cepstra(noise(1)[:samples])
    assert features.shape == (STREAMS, frames, 13)
    assert features.dtype == np.float32


def test_frames_per_second_are_those_that_a_second_more_gives() -> None:
    assert cepstra(noise(3)).shape[1] - cepstra(noise(2)).shape[1] == FRAMES_PER_SECOND


def test_cepstra_are_those_of_pocketsphinx_but_for_what_is_done_about_noise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = voice()
    expected = by_pocketsphinx(samples, tmp_path, less_noise=False)
    monkeypatch.setattr(front_end, "_gain", np.ones_like)
    assert np.abs(cepstra(samples)[0] - expected).max() < 0.01


def test_cepstra_are_much_like_those_of_pocketsphinx_where_speech_is_clean(tmp_path: Path) -> None:
    samples = voice()
    expected = by_pocketsphinx(samples, tmp_path, less_noise=True)
    alike = [np.corrcoef(ours, theirs)[0, 1] for ours, theirs in zip(cepstra(samples)[0].T, expected.T, strict=True)]
    assert min(alike) > 0.85
    assert np.median(alike) > 0.97


def test_the_mean_of_the_cepstra_is_taken_out() -> None:
    assert np.abs(cepstra(voice())[0].mean(axis=0)).max() < 1e-3


def test_changes_are_between_two_frames_before_and_two_after() -> None:
    """Beyond the edges the first and the last frame go on."""
    still, moving, turning = cepstra(voice(0.5))
    count = len(still)

    def change(frame: int) -> FloatArray:
        return np.asarray(still[np.clip(frame + 2, 0, count - 1)] - still[np.clip(frame - 2, 0, count - 1)])

    assert np.allclose(moving, [change(frame) for frame in range(count)], atol=1e-4)
    assert np.allclose(turning, [change(frame + 1) - change(frame - 1) for frame in range(count)], atol=1e-4)


@pytest.mark.parametrize("samples", [410, 570])
def test_one_or_two_frames_have_changes_too(samples: int) -> None:
    still, moving, turning = cepstra(voice(1)[:samples])
    assert np.allclose(moving, still[-1] - still[0], atol=1e-4)
    assert np.abs(turning).max() < 1e-3


@pytest.mark.parametrize("gain", [0.3, 2.0])
def test_how_loud_a_recording_is_changes_almost_nothing(gain: float) -> None:
    samples = voice() + noise(4, 1e-3)
    features = cepstra(samples)
    apart = np.abs(cepstra(np.float32(gain) * samples) - features)
    assert apart.max() < 0.01 * features.std()


@pytest.mark.parametrize("level", [0.0, 1e-7, 1.0, 40.0])
def test_silence_and_overdriven_sound_have_finite_features(level: float) -> None:
    square = np.sign(np.sin(np.arange(SAMPLE_RATE) * 0.1)).astype(np.float32)
    assert np.isfinite(cepstra(np.float32(level) * square)).all()


def test_silence_changes_nowhere() -> None:
    assert np.abs(cepstra(np.zeros(SAMPLE_RATE, np.float32))).max() < 1e-3


def test_samples_beyond_full_scale_are_clipped() -> None:
    loud = 5 * voice()
    assert np.abs(loud).max() > 1.2
    assert np.array_equal(cepstra(loud), cepstra(np.clip(loud, -1, 1)))


def test_samples_handed_in_stay_as_they_are() -> None:
    samples = 5 * voice()
    before = samples.copy()
    samples.flags.writeable = False
    cepstra(samples)
    assert np.array_equal(samples, before)


@given(shift=st.integers(0, 40))
def test_sound_is_heard_in_the_frames_that_hold_it(shift: int) -> None:
    """A burst as long as a frame, in the middle of a second of faint noise."""
    samples = noise(1, 1e-4)
    samples[(30 + shift) * 160 :][:410] += noise(1, 0.1)[:410]
    loudness = cepstra(samples)[0, :, 0]
    assert int(loudness.argmax()) == 30 + shift
    elsewhere = np.delete(loudness, range(30 + shift - 2, 30 + shift + 3))
    assert elsewhere.max() < loudness.max() - 10


def test_a_later_frame_does_not_depend_on_how_much_silence_comes_before() -> None:
    """But for the mean over all frames, which all have in common."""
    samples = noise(2)
    alone = cepstra(samples)[0]
    behind = cepstra(np.concatenate([np.zeros(SAMPLE_RATE, np.float32), samples]))[0]
    apart = behind[-20:] - alone[-20:]
    assert np.abs(apart - apart[0]).max() < 0.01


def test_steady_noise_is_taken_down_and_what_is_louder_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second of three seconds is 20 dB louder: 4.6 in natural logarithms of power."""
    samples = noise(3)
    samples[SAMPLE_RATE : 2 * SAMPLE_RATE] *= 10

    def above() -> float:
        loudness = cepstra(samples)[0, :, 0] / 5
        return float(np.median(loudness[110:190]) - np.median(np.concatenate([loudness[:90], loudness[210:]])))

    with_less_noise = above()
    monkeypatch.setattr(front_end, "_gain", np.ones_like)
    as_it_is = above()
    assert as_it_is == pytest.approx(4.6, abs=0.1)
    assert with_less_noise > as_it_is + 1


def test_what_is_called_noise_is_what_is_heard_within_half_a_second() -> None:
    """So that a second of louder noise is noise as well, in its middle."""
    mel = np.ones((400, 25), dtype=np.float32) * 1e6
    mel[100:300] *= 100
    gain = front_end._gain(mel)
    assert gain.shape == mel.shape
    assert gain[200] == pytest.approx(gain[20])
    assert gain[120].min() > 0.9

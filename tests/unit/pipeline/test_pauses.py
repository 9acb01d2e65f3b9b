"""Pauses between bursts of a tone over noise."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline import pauses
from pipeline.frames import FrameScores, runs
from pipeline.options import PauseOptions
from pipeline.pauses import frame_energy, quiet_frames
from pipeline.segmentation.segmenter import FRAMES
from pipeline.types import BoolArray
from pipeline.waveform import SAMPLE_RATE, Waveform

BURSTS = ((2.0, 3.0), (3.4, 4.2), (4.5, 6.0))
SECONDS = 9.0


def bursts(level: float, *, noise: float = 1e-3, hertz: float = 440, seconds: float = SECONDS) -> Waveform:
    """Bursts of a tone over white noise."""
    samples = np.random.default_rng(3).normal(0, noise, round(seconds * SAMPLE_RATE))
    time = np.arange(len(samples)) / SAMPLE_RATE
    for start, end in BURSTS:
        samples += level * np.sin(2 * np.pi * hertz * time) * ((time >= start) & (time < end))
    return Waveform.of(samples.astype(np.float32))


def speech_between(start: float, end: float, seconds: float = SECONDS) -> FrameScores:
    """What a segmentation says that glosses over pauses: one stretch of speech."""
    frames = int((seconds - FRAMES.offset) / FRAMES.step)
    middles = FRAMES.offset + (np.arange(frames) + 0.5) * FRAMES.step
    return FrameScores(FRAMES, ((middles > start) & (middles < end)).astype(np.float32), seconds)


def stretches(quiet: BoolArray) -> list[tuple[float, float]]:
    return [(FRAMES.edge(first), FRAMES.edge(last)) for first, last in runs(quiet)]


def test_quiet_frames_inside_speech_are_the_gaps_between_bursts() -> None:
    quiet = quiet_frames(bursts(0.1), speech_between(1.9, 6.1))
    gaps = [(start, end) for start, end in stretches(quiet) if start > 2.5 and end < 5.5]
    assert [round(edge, 1) for gap in gaps for edge in gap] == [3.0, 3.4, 4.2, 4.5]


def test_bursts_themselves_are_never_quiet() -> None:
    quiet = quiet_frames(bursts(0.1), speech_between(1.9, 6.1))
    middles = FRAMES.offset + (np.arange(len(quiet)) + 0.5) * FRAMES.step
    for start, end in BURSTS:
        assert not quiet[(middles > start + 0.02) & (middles < end - 0.02)].any()


def test_what_segmentation_adds_at_the_edges_of_speech_is_quiet() -> None:
    quiet = quiet_frames(bursts(0.1), speech_between(1.8, 6.2))
    assert quiet[FRAMES.index(1.85) : FRAMES.index(1.95)].all()
    assert quiet[FRAMES.index(6.05) : FRAMES.index(6.15)].all()


def test_nothing_is_quiet_where_speech_hardly_stands_out() -> None:
    """A tone 7 dB above the noise: energy could not tell a pause from a soft consonant."""
    assert not quiet_frames(bursts(0.003), speech_between(1.9, 6.1)).any()


def test_nothing_is_quiet_without_any_sound() -> None:
    silence = Waveform.of(np.zeros(round(SECONDS * SAMPLE_RATE), dtype=np.float32))
    assert not quiet_frames(silence, speech_between(1.9, 6.1)).any()


def test_rumble_below_the_voice_does_not_fill_a_pause() -> None:
    """Mains hum as loud as the speech goes unheard."""
    voice = bursts(0.1)
    time = np.arange(voice.samples.shape[1]) / SAMPLE_RATE
    hum = (0.1 * np.sin(2 * np.pi * 25 * time)).astype(np.float32)
    quiet = quiet_frames(Waveform.of(voice.mono + hum), speech_between(1.9, 6.1))
    assert quiet[FRAMES.index(3.1) : FRAMES.index(3.3)].all()


def test_speech_from_end_to_end_has_a_noise_floor_as_well() -> None:
    quiet = quiet_frames(bursts(0.1), speech_between(-1.0, 10.0))
    assert quiet[FRAMES.index(3.1) : FRAMES.index(3.3)].all()
    assert not quiet[FRAMES.index(2.1) : FRAMES.index(2.9)].any()


@pytest.mark.parametrize("frames", [7, 50, 333])
@pytest.mark.parametrize("seconds", [0.7, SECONDS])
def test_blocks_give_the_energy_of_one_pass(monkeypatch: pytest.MonkeyPatch, frames: int, seconds: float) -> None:
    """Also past the end of a short recording, whose one window is filled up with silence."""
    audio, speech = bursts(0.1, seconds=seconds), speech_between(0.0, seconds, 10.0)
    once = frame_energy(audio, speech)
    monkeypatch.setattr(pauses, "BLOCK_FRAMES", frames)
    assert np.allclose(frame_energy(audio, speech), once, atol=1e-3)


def test_energy_is_that_of_the_band_around_the_middle_of_a_frame() -> None:
    """A sine of amplitude 0.1 has a mean square of 0.005: -23 dB."""
    energy = frame_energy(bursts(0.1, noise=1e-6), speech_between(2.0, 6.0))
    assert energy[FRAMES.index(2.5)] == pytest.approx(-23.0, abs=0.3)
    assert energy[FRAMES.index(1.0)] < -100
    outside = frame_energy(bursts(0.1, noise=1e-6, hertz=6500), speech_between(2.0, 6.0))
    assert outside[FRAMES.index(2.5)] < -32


def test_an_empty_recording_has_no_frames() -> None:
    nothing = FrameScores(FRAMES, np.zeros(0, dtype=np.float32), 0.0)
    assert quiet_frames(Waveform.of(np.zeros(0, dtype=np.float32)), nothing).shape == (0,)


def test_a_softer_voice_needs_a_lower_limit() -> None:
    soft = bursts(0.003)
    assert quiet_frames(soft, speech_between(1.9, 6.1), PauseOptions(min_snr=3.0)).any()

"""Recordings as everyone can read them, with the truth beside them."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.material import prepare, truth_beside
from benchmarks.peers.wav import read_wav, wav_seconds
from pipeline.types import Segment


def talk(folder: Path) -> Path:
    path = folder / "talk.wav"
    soundfile.write(path, np.linspace(-0.5, 0.5, 8000)[:, None].repeat(2, axis=1), 8000, subtype="PCM_16")
    path.with_suffix(".rttm").write_text("SPEAKER talk 1 0.25 0.50 <NA> <NA> A <NA> <NA>\n")
    path.with_suffix(".stm").write_text("talk 1 A 0.25 0.75 good morning\n")
    path.with_suffix(".uem").write_text("talk 1 0.00 0.90\n")
    return path


def test_recording_becomes_what_every_peer_can_read(tmp_path: Path) -> None:
    """Peers read 16 kHz, 16 bits, one channel."""
    material = prepare("a talk", [talk(tmp_path)], tmp_path / "made")
    with wave.open(str(material.paths[0])) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (16000, 2, 1)
    assert material.seconds == wav_seconds(str(material.paths[0])) == 1.0
    samples = read_wav(str(material.paths[0]))
    assert samples.dtype == np.float32
    assert abs(samples[8000]) < 0.01
    assert samples[15000] > 0.4


def test_truth_is_put_together_from_the_files_beside_a_recording(tmp_path: Path) -> None:
    truth = truth_beside(talk(tmp_path))
    assert [(turn.start, turn.end, turn.speaker) for turn in truth.turns or ()] == [(0.25, 0.75, "A")]
    assert [word.text for word in truth.words or ()] == ["good", "morning"]
    assert truth.scored == (Segment(0.0, 0.9),)


def test_recording_without_truth_has_none(tmp_path: Path) -> None:
    truth = truth_beside(tmp_path / "alone.wav")
    assert (truth.turns, truth.words, truth.scored) == (None, None, None)


def test_samples_of_a_readable_recording_are_kept_bit_by_bit(tmp_path: Path) -> None:
    samples = np.array([-32768, -1, 0, 1, 12345, 32767] * 100, dtype=np.int16)
    soundfile.write(tmp_path / "talk.wav", samples, 16000, subtype="PCM_16")
    made = prepare("a talk", [tmp_path / "talk.wav"], tmp_path / "made").paths[0]
    assert soundfile.read(made, dtype="int16")[0].tolist() == samples.tolist()

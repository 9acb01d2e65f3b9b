"""What can be known of the GPU benchmark without a GPU."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from benchmarks.gpu.__main__ import fed
from benchmarks.gpu.feed import feed
from benchmarks.gpu.random_whisper import TURBO, write_random_whisper
from benchmarks.gpu.recognition import Load, Speed, measure, table
from tests.conftest import REPOSITORY
from tests.unit.pipeline.audio.recordings import tone, wav

SMALL = replace(
    TURBO,
    vocabulary=120,
    audio_context=100,
    audio_state=64,
    audio_heads=2,
    audio_layers=2,
    text_state=64,
    text_heads=2,
    text_layers=1,
    mels=80,
)


def test_every_window_gets_as_many_tokens_as_it_should(tmp_path: Path) -> None:
    write_random_whisper(SMALL, tmp_path)
    speeds = measure(tmp_path, Load(sizes=SMALL, tokens=9, beam=2, rounds=1), [1, 3], "cpu", "float32")
    assert [speed.batch for speed in speeds] == [1, 3]
    assert all(speed.realtime > 0 for speed in speeds)
    assert len(table(speeds)) == 4


class Impatient:
    """A recognizer that stops when it likes."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def encode(self, mels: object) -> object:
        return mels

    def generate(self, _: object, prompts: list[list[int]], **__: object) -> list[SimpleNamespace]:
        return [SimpleNamespace(sequences_ids=[[1, 2, 3]]) for _ in prompts]


def test_another_number_of_tokens_is_no_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctranslate2.models.Whisper", Impatient)
    assert measure(tmp_path, Load(sizes=SMALL, tokens=3, rounds=1), [2], "cpu", "float32")
    with pytest.raises(RuntimeError, match="have \\[3\\] tokens instead of 4"):
        measure(tmp_path, Load(sizes=SMALL, tokens=4, rounds=1), [2], "cpu", "float32")


def test_a_core_makes_audio_ready_faster_than_it_is_heard(tmp_path: Path) -> None:
    recording = tmp_path / "tone.wav"
    recording.write_bytes(wav(tone(35.0)))
    assert feed(recording) > 1


def test_the_feed_is_compared_with_the_best_batch() -> None:
    lines = fed(3000.0, [Speed(batch=1, seconds=0.3), Speed(batch=64, seconds=1.92)])
    assert "9.6 %" in lines[0]
    assert "3.0 times" in lines[2]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so() -> None:
    command = [sys.executable, "-m", "benchmarks.gpu"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert "sees no CUDA device" in done.stderr

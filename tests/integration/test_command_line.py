"""The installed command on real models and the sample conversation."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import torch

from pipeline.formats import schema
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.weights

Weights = Callable[[str], Path]
FORMATS = {
    "json": ".json",
    "jsonl": ".jsonl",
    "whisperx": ".whisperx.json",
    "rttm": ".rttm",
    "rttm-exclusive": ".exclusive.rttm",
    "ctm": ".ctm",
    "stm": ".stm",
    "srt": ".srt",
    "vtt": ".vtt",
    "txt": ".txt",
    "png": ".png",
    "svg": ".svg",
}


def hansard(*arguments: str | Path, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run the command as a user does, in a process of its own."""
    command = [sys.executable, str(REPOSITORY / "hansard.py"), *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, check=False, timeout=600)


@pytest.fixture(scope="module")
def conversation(weights: Weights) -> Path:
    """Thirty seconds of two people on the telephone, with every model that is needed."""
    for name in ("segmentation-3.0", "campplus", "whisper-tiny.en"):
        weights(name)
    return weights("sample-conversation")


@dataclass(frozen=True)
class Run:
    """A finished `hansard transcribe` over a good and a bad recording."""

    done: subprocess.CompletedProcess[bytes]
    folder: Path


@pytest.fixture(scope="module")
def transcribed(conversation: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("transcribed")
    talk, broken = folder / "talk.wav", folder / "broken.wav"
    shutil.copy(conversation, talk)
    broken.write_text("this is not audio")
    formats = ",".join(FORMATS)
    done = hansard(
        *("transcribe", broken, talk, "-o", folder / "out", "-f", formats),
        *("--model", "whisper-tiny.en", "--device", "cpu", "--threads", "2"),
    )
    return Run(done, folder / "out")


def test_good_recording_is_done_and_bad_one_told(transcribed: Run) -> None:
    errors = transcribed.done.stderr.decode()
    assert transcribed.done.returncode == 1, errors
    assert "[unsupported-format]" in errors
    assert "talk.wav: done" in errors
    assert "Traceback" not in errors
    assert sorted(path.name for path in transcribed.folder.iterdir()) == sorted(
        f"talk{end}" for end in FORMATS.values()
    )


def test_json_follows_its_schema_and_names_two_speakers(transcribed: Run) -> None:
    document = json.loads((transcribed.folder / "talk.json").read_text())
    jsonschema.validate(document, schema())
    assert document["uri"] == "talk"
    assert {word["speaker"] for word in document["words"]} == {"SPEAKER_00", "SPEAKER_01"}
    assert len(document["words"]) > 50


def test_turns_are_close_to_the_truth(transcribed: Run, conversation: Path) -> None:
    """The DER of this run was 7 % when this was written, without a collar."""
    done = hansard("evaluate", conversation.with_suffix(".rttm"), transcribed.folder / "talk.rttm", "--json")
    assert json.loads(done.stdout)["total"]["der"] < 0.10


def test_picture_is_a_picture(transcribed: Run) -> None:
    assert (transcribed.folder / "talk.png").read_bytes().startswith(b"\x89PNG")


def test_standard_input_gives_the_same_turns(transcribed: Run, conversation: Path) -> None:
    done = hansard("diarize", "-", "--device", "cpu", "--quiet", stdin=conversation.read_bytes())
    assert done.returncode == 0, done.stderr.decode()
    turns = [line.split()[3:] for line in done.stdout.decode().splitlines()]
    assert turns == [line.split()[3:] for line in (transcribed.folder / "talk.rttm").read_text().splitlines()]


def test_diarization_alone_tells_how_it_was_made(conversation: Path) -> None:
    done = hansard("diarize", conversation, "-f", "json", "--device", "cpu", "--quiet")
    assert done.returncode == 0, done.stderr.decode()
    document = json.loads(done.stdout)
    jsonschema.validate(document, schema())
    assert document["speech"]
    assert [model["kind"] for model in document["provenance"]["models"]] == ["segmentation", "embedding"]
    assert all(model["sha256"] for model in document["provenance"]["models"])


def test_channels_kept_separate_are_the_parties(conversation: Path, tmp_path: Path) -> None:
    with wave.open(str(conversation)) as file:
        rate, mono = file.getframerate(), np.frombuffer(file.readframes(10 * file.getframerate()), dtype=np.int16)
    with wave.open(str(tmp_path / "call.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.stack([mono, np.roll(mono, rate)], axis=1).tobytes())
    done = hansard("diarize", tmp_path / "call.wav", "--channels", "separate", "--device", "cpu", "--quiet")
    assert done.returncode == 0, done.stderr.decode()
    assert {line.split()[7] for line in done.stdout.decode().splitlines()} == {"CHANNEL_00", "CHANNEL_01"}


def test_converted_result_is_the_same(transcribed: Run) -> None:
    done = hansard("convert", transcribed.folder / "talk.json", "-f", "srt")
    assert done.stdout == (transcribed.folder / "talk.srt").read_bytes()


@pytest.mark.parametrize("command", ["vad", "overlap", "changes", "embed"])
def test_parts_answer_for_a_real_recording(conversation: Path, command: str) -> None:
    done = hansard(command, conversation, "--device", "cpu", "--quiet")
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout


def test_voice_is_its_own_match(conversation: Path) -> None:
    done = hansard("verify", conversation, conversation, "--device", "cpu")
    assert done.stdout.startswith(b"same  score 1.000")
    piped = hansard("verify", "-", conversation, "--device", "cpu", stdin=conversation.read_bytes())
    assert piped.stdout == done.stdout


def test_cuda_that_is_not_there_is_misuse(conversation: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    done = hansard("vad", conversation, "--device", "cuda")
    assert done.returncode == 2
    assert b"sees no CUDA device" in done.stderr

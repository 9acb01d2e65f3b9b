"""What stands in for decoding and for the models: seeded sleeps, and a result that depends on the recording alone."""

from __future__ import annotations

import hashlib
import io
import random
import shutil
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from pipeline.checkpoints import Checkpoints
from pipeline.hooks import Hook
from pipeline.types import Diarization, Segment, Speaker, Timing, Transcript, Turn, Utterance, Word
from pipeline.waveform import SAMPLE_RATE, Waveform
from tests.chaos.orders import STAGES
from workers.sandbox.decode import Decoded
from workers.sandbox.flac_writing import write_flac
from workers.transcriber import Alive, Prepared

SECONDS: Final = 0.2
LONGEST_SLEEP: Final = 0.05
STEPS: Final = 3
TOLD_AS: Final = {"segmentation": "segmentation", "diarization": "clustering", "recognition": "asr"}
"""Under which name each stage tells of its progress."""


def recording() -> bytes:
    """A FLAC file of 0.2 s, which all jobs share."""
    tone = 0.1 * np.sin(np.arange(round(SECONDS * SAMPLE_RATE), dtype=np.float32) / 10)
    file = io.BytesIO()
    write_flac(iter([tone[np.newaxis].astype(np.float32)]), file, [])
    return file.getvalue()


def pause(*key: object) -> float:
    """Seconds of a sleep; always the same for the same key."""
    return random.Random(repr(key)).uniform(0.002, LONGEST_SLEEP)


@dataclass(frozen=True, slots=True)
class StubDecoder:
    """Takes a recording, which is a FLAC file already, for decoded."""

    seed: int

    def __call__(self, source: Path, into: Path, *, name: str, **_: object) -> Decoded:
        """Stand in for `decode_in_sandbox`."""
        time.sleep(pause(self.seed, name, "decode"))
        flac = into / "audio.flac"
        shutil.copyfile(source, flac)
        content = flac.read_bytes()
        return Decoded(
            flac=flac,
            sha256=hashlib.sha256(content).hexdigest(),
            bytes=len(content),
            seconds=SECONDS,
            channels=1,
            media={},
            notices=(),
        )


class Spoiled(Exception):
    """A checkpoint holds something else than was kept in it."""


@dataclass(frozen=True, slots=True)
class StubTranscriber:
    """Stands in for the models: goes through their stages, keeps each, and sleeps where they compute."""

    seed: int

    def prepared(self, options: Mapping[str, Any], alive: Alive) -> AbstractContextManager[Prepared]:
        """Have nothing to load."""
        return nullcontext(self)

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """Depend on nothing else."""
        return {"models": "none"}

    def __call__(
        self, audio: Waveform, hook: Hook, checkpoints: Checkpoints, *, urgent: bool, alive: Alive
    ) -> Transcript:
        """Sleep; raises `Spoiled`, and what the hook raises."""
        for stage in STAGES:
            made = f"{stage} of {audio.uri}".encode()
            kept = checkpoints.load(stage)
            if kept is None:
                self._compute(audio.uri, stage, hook)
                checkpoints.save(stage, made)
            elif kept != made:
                raise Spoiled(stage)
        return transcript_of(audio.uri)

    def _compute(self, name: str, stage: str, hook: Hook) -> None:
        for step in range(1, STEPS + 1):
            time.sleep(pause(self.seed, name, stage, step) / STEPS)
            hook(TOLD_AS[stage], step, STEPS)


def transcript_of(name: str) -> Transcript:
    """What the stand-in makes of a recording."""
    chance = random.Random(name)
    utterances = tuple(_utterance(chance, number) for number in range(chance.randint(1, 6)))
    labels = dict.fromkeys(one.speaker for one in utterances if one.speaker is not None)
    turns = tuple(Turn(start=one.start, end=one.end, speaker=one.speaker or "") for one in utterances)
    return Transcript(
        uri=name,
        duration=SECONDS,
        channels=1,
        language="en",
        language_confidence=None,
        words=tuple(word for one in utterances for word in one.words),
        utterances=utterances,
        segments=(),
        diarization=Diarization(
            turns=turns, exclusive=turns, speakers=tuple(Speaker(label=label, speech_seconds=0.1) for label in labels)
        ),
        speech=(Segment(0.0, SECONDS),),
        dropped=(),
        notices=(),
    )


def _utterance(chance: random.Random, number: int) -> Utterance:
    speaker, start = f"SPEAKER_{chance.randint(0, 2):02d}", 0.03 * number
    words = tuple(
        Word(text=f"w{chance.randint(0, 999)}", start=start + at, end=start + at + 0.01, confidence=0.9,
             timing=Timing.INTERPOLATED)
        for at in (0.0, 0.01)
    )  # fmt: skip
    return Utterance(speaker=speaker, words=words)

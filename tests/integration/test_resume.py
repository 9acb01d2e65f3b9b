"""A real recording whose run is cut short after each stage, with the real models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.asr.faster_whisper import FasterWhisper
from pipeline.audio import decode, downmix
from pipeline.embedding.encoder import SpeakerEncoder
from pipeline.models import ModelStore
from pipeline.segmentation.segmenter import Segmenter
from pipeline.transcription import TranscriptionPipeline
from pipeline.types import Transcript
from pipeline.waveform import Waveform

pytestmark = pytest.mark.weights

STAGES = ("segmentation", "embedding", "diarization", "recognition")


class KilledError(Exception):
    """Stands for the end of the process."""


@dataclass
class Shelf:
    """Checkpoints in memory; the run ends as soon as `last` is kept."""

    kept: dict[str, bytes] = field(default_factory=dict)
    last: str | None = None

    def load(self, stage: str) -> bytes | None:
        return self.kept.get(stage)

    def save(self, stage: str, content: bytes) -> None:
        self.kept[stage] = content
        if stage == self.last:
            raise KilledError


@dataclass
class Counts:
    """How often each model was called."""

    segmentation: int = 0
    voices: int = 0
    recognizer: int = 0

    def counted(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """The same call, counted."""

        def counting(*arguments: Any, **named: Any) -> Any:
            setattr(self, name, getattr(self, name) + 1)
            return call(*arguments, **named)

        return counting


@pytest.fixture(scope="module")
def pipeline(weights: Callable[[str], Path], store: ModelStore) -> TranscriptionPipeline:
    for name in ("segmentation-3.0", "campplus", "whisper-tiny.en"):
        weights(name)
    return TranscriptionPipeline.from_pretrained("whisper-tiny.en", device="cpu", threads=1, store=store)


@pytest.fixture(scope="module")
def conversation(weights: Callable[[str], Path]) -> Waveform:
    """Thirty seconds of two people on the telephone."""
    return downmix(decode(weights("sample-conversation")))


@pytest.fixture(scope="module")
def uninterrupted(pipeline: TranscriptionPipeline, conversation: Waveform) -> Transcript:
    return plain(pipeline(conversation))


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counts:
    counts = Counts()
    monkeypatch.setattr(Segmenter, "__call__", counts.counted("segmentation", Segmenter.__call__))
    monkeypatch.setattr(SpeakerEncoder, "frames", counts.counted("voices", SpeakerEncoder.frames))
    monkeypatch.setattr(FasterWhisper, "encode", counts.counted("recognizer", FasterWhisper.encode))
    return counts


def plain(result: Transcript) -> Transcript:
    """The result without how long it took."""
    return replace(result, provenance=replace(result.provenance, stage_seconds={}))


@pytest.mark.parametrize(
    ("last", "idle"),
    [
        ("segmentation", {"segmentation"}),
        ("embedding", {"segmentation"}),
        ("diarization", {"segmentation", "voices"}),
        ("recognition", {"segmentation", "voices", "recognizer"}),
    ],
)
def test_a_run_that_was_killed_goes_on_and_ends_the_same(
    last: str,
    idle: set[str],
    pipeline: TranscriptionPipeline,
    conversation: Waveform,
    uninterrupted: Transcript,
    counts: Counts,
) -> None:
    """To the last digit, with no call of a model whose stages are finished."""
    shelf = Shelf(last=last)
    with pytest.raises(KilledError):
        pipeline(conversation, checkpoints=shelf)
    before = replace(counts)
    assert plain(pipeline(conversation, checkpoints=Shelf(dict(shelf.kept)))) == uninterrupted
    called = {name for name in vars(counts) if getattr(counts, name) > getattr(before, name)}
    assert called == set(vars(counts)) - idle


def test_voices_that_were_kept_are_not_heard_again(
    pipeline: TranscriptionPipeline, conversation: Waveform, counts: Counts
) -> None:
    """What is left after `embedding` are the pieces that relabelling listens to."""
    shelf = Shelf()
    pipeline(conversation, checkpoints=shelf)
    whole = counts.voices
    pipeline(conversation, checkpoints=Shelf({stage: shelf.kept[stage] for stage in ("segmentation", "embedding")}))
    assert 0 < counts.voices - whole < whole


def test_what_is_kept_of_half_a_minute_is_small(pipeline: TranscriptionPipeline, conversation: Waveform) -> None:
    """Measured: 109 kB, 34 kB, 4 kB and 2 kB."""
    shelf = Shelf()
    pipeline(conversation, checkpoints=shelf)
    sizes = {stage: len(content) for stage, content in shelf.kept.items()}
    assert tuple(sizes) == STAGES
    assert sizes["segmentation"] < 200_000
    assert sizes["embedding"] < 60_000
    assert sizes["diarization"] + sizes["recognition"] < 20_000

"""A run that was cut short goes on after its last finished stage, and its result is the same."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np
import pytest

from pipeline.artefacts import Made, diarization, embeddings, recognition, segmentation
from pipeline.checkpoints import NoCheckpoints, Stages
from pipeline.embedding.local_speakers import LocalSpeakers
from pipeline.hooks import Hook
from pipeline.options import PipelineOptions, SpeakerCount
from pipeline.segmentation.segmenter import Segmentation
from pipeline.stopwatch import Stopwatch
from pipeline.transcription import TranscriptionPipeline
from pipeline.types import Diarization, Transcript
from pipeline.waveform import Waveform
from tests.unit.pipeline.conversation import ToneNetwork, Turns
from tests.unit.pipeline.talk import SECONDS, TALK, ChannelSegmenter, Listener, pipeline_for

STAGES = ("segmentation", "embedding", "diarization", "recognition")
LEFT, RIGHT = ({voice: spans} for voice, spans in TALK.items())
SEPARATE = PipelineOptions(channels="separate")
PARTY_STAGES = tuple(f"{stage}.{channel}" for channel in (0, 1) for stage in STAGES if stage != "embedding")


class KilledError(Exception):
    """Stands for the end of the process."""


@dataclass
class Shelf:
    """Checkpoints in memory; the run ends as soon as `last` is kept."""

    kept: dict[str, bytes] = field(default_factory=dict)
    last: str | None = None
    saved: list[str] = field(default_factory=list)

    def load(self, stage: str) -> bytes | None:
        return self.kept.get(stage)

    def save(self, stage: str, content: bytes) -> None:
        self.kept[stage] = content
        self.saved.append(stage)
        if stage == self.last:
            raise KilledError


class CountingSegmenter(ChannelSegmenter):
    calls = 0

    def hear(self, audio: Waveform, hook: Hook | None, step: float) -> Segmentation:
        self.calls += 1
        return super().hear(audio, hook, step)


@dataclass
class Bench:
    """A pipeline whose models count what they are given."""

    pipeline: TranscriptionPipeline
    audio: Waveform

    @property
    def work(self) -> tuple[int, int, int]:
        """Calls of the segmentation model, the voice model and the recognizer."""
        diarizer = self.pipeline.diarizer
        network = cast("ToneNetwork", diarizer.encoder.network)
        segmenter = cast("CountingSegmenter", diarizer.segmenter)
        return segmenter.calls, len(network.lengths), len(cast("Listener", self.pipeline.backend).batches)

    def run(self, shelf: Shelf | None = None) -> Transcript:
        return self.pipeline(self.audio, checkpoints=shelf)


def bench(channels: Sequence[Turns] = (TALK,), options: PipelineOptions | None = None) -> Bench:
    pipeline, audio = pipeline_for(channels, options)
    pipeline.diarizer.segmenter = CountingSegmenter(audio.samples, channels)
    return Bench(pipeline, audio)


def plain(result: Transcript) -> Transcript:
    """The result without how long it took."""
    return replace(result, provenance=replace(result.provenance, stage_seconds={}))


def full_shelf() -> dict[str, bytes]:
    shelf = Shelf()
    bench().run(shelf)
    return shelf.kept


def test_every_stage_is_kept_once_it_is_finished() -> None:
    shelf = Shelf()
    result = bench().run(shelf)
    assert tuple(shelf.saved) == STAGES
    assert plain(result) == plain(bench().run())


@pytest.mark.parametrize("last", STAGES)
def test_a_run_goes_on_after_the_stage_it_had_finished(last: str) -> None:
    shelf = Shelf(last=last)
    with pytest.raises(KilledError):
        bench().run(shelf)
    again = Shelf(shelf.kept)
    result = bench().run(again)
    assert tuple(again.saved) == STAGES[STAGES.index(last) + 1 :]
    assert plain(result) == plain(bench().run())


@pytest.mark.parametrize("last", PARTY_STAGES)
def test_parties_on_channels_of_their_own_go_on_in_the_middle_of_one(last: str) -> None:
    shelf = Shelf(last=last)
    with pytest.raises(KilledError):
        bench((LEFT, RIGHT), SEPARATE).run(shelf)
    again = Shelf(shelf.kept)
    result = bench((LEFT, RIGHT), SEPARATE).run(again)
    assert tuple(again.saved) == PARTY_STAGES[PARTY_STAGES.index(last) + 1 :]
    assert plain(result) == plain(bench((LEFT, RIGHT), SEPARATE).run())


@pytest.mark.parametrize(
    ("kept", "idle"),
    [
        (("segmentation",), (True, False, False)),
        (("segmentation", "diarization"), (True, True, False)),
        (("segmentation", "recognition"), (True, False, True)),
        (STAGES, (True, True, True)),
    ],
)
def test_the_models_of_a_finished_stage_have_nothing_to_do(kept: Sequence[str], idle: tuple[bool, ...]) -> None:
    """Also of the voice model, which cuts voices into pieces once more after `embedding`."""
    whole, resumed = full_shelf(), bench()
    result = resumed.run(Shelf({stage: whole[stage] for stage in kept}))
    assert tuple(calls == 0 for calls in resumed.work) == idle
    assert plain(result) == plain(bench().run())


def test_voices_that_were_kept_are_not_listened_to_again() -> None:
    whole = full_shelf()
    fresh, resumed = bench(), bench()
    fresh.run(Shelf({"segmentation": whole["segmentation"]}))
    resumed.run(Shelf({stage: whole[stage] for stage in ("segmentation", "embedding")}))
    assert resumed.work[1] < fresh.work[1]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "truncated": lambda content: content[: len(content) // 2],
    "without its end": lambda content: content[:-1],
    "changed in the middle": lambda content: (
        content[: len(content) // 2] + bytes([content[len(content) // 2] ^ 64]) + content[len(content) // 2 + 1 :]
    ),
    "of another program": lambda _: b"RIFF\x00\x00\x00\x00WAVE",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=list(DAMAGES))
@pytest.mark.parametrize("stage", STAGES)
def test_a_damaged_checkpoint_is_made_anew(stage: str, damage: Callable[[bytes], bytes]) -> None:
    whole = full_shelf()
    # The voices are asked for only where the turns are not there.
    unasked = {"diarization"} if stage == "embedding" else set()
    shelf = Shelf({name: content for name, content in whole.items() if name not in unasked})
    shelf.kept[stage] = damage(whole[stage])
    result = bench().run(shelf)
    assert shelf.saved == [stage, *unasked]
    assert plain(result) == plain(bench().run())


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("other", STAGES)
def test_a_checkpoint_of_another_stage_is_made_anew(stage: str, other: str) -> None:
    whole = full_shelf()
    shelf = Shelf({**whole, stage: whole[other]})
    result = bench().run(shelf)
    assert plain(result) == plain(bench().run())
    assert (stage in shelf.saved) == (stage not in {other, "embedding"})


def test_a_checkpoint_of_another_recording_is_made_anew() -> None:
    """Of another length; recordings of the same length are for whoever keeps checkpoints to keep apart."""
    short = Made(duration=SECONDS - 1, seconds=0.0)
    nobody = Diarization(turns=(), exclusive=(), speakers=())
    shelf = Shelf({**full_shelf(), "diarization": diarization.encode(nobody, short)})
    assert plain(bench().run(shelf)) == plain(bench().run())
    assert shelf.saved == ["diarization"]


def test_voices_of_other_windows_are_heard_anew() -> None:
    whole = full_shelf()
    local, made = embeddings.decode(whole["embedding"])
    fewer = replace(
        local,
        embeddings=local.embeddings[:-1],
        clean_seconds=local.clean_seconds[:-1],
        active_seconds=local.active_seconds[:-1],
    )
    shelf = Shelf({"segmentation": whole["segmentation"], "embedding": embeddings.encode(fewer, made)})
    assert plain(bench().run(shelf)) == plain(bench().run())
    assert shelf.saved == ["embedding", "diarization", "recognition"]


def test_what_was_noticed_is_noticed_again() -> None:
    options = PipelineOptions(speakers=SpeakerCount(exactly=4))
    shelf = Shelf()
    first = bench(options=options).run(shelf)
    assert [notice.code for notice in first.notices] == ["speaker_count_unreachable"]
    assert plain(bench(options=options).run(shelf)) == plain(first)


def test_a_result_counts_the_seconds_of_the_run_that_did_the_work() -> None:
    whole = full_shelf()
    whole["segmentation"] = segmentation.encode(
        segmentation.decode(whole["segmentation"])[0], Made(duration=SECONDS, seconds=1000.0)
    )
    whole["embedding"] = embeddings.encode(
        embeddings.decode(whole["embedding"])[0], Made(duration=SECONDS, seconds=2000.0)
    )
    whole["recognition"] = recognition.encode(
        recognition.decode(whole["recognition"])[0], Made(duration=SECONDS, seconds=3000.0)
    )
    del whole["diarization"]
    seconds = bench().run(Shelf(whole)).provenance.stage_seconds
    assert list(seconds) == ["decode", "segmentation", "diarization", "asr"]
    assert 1000 <= seconds["segmentation"] < 1999
    assert 2000 <= seconds["diarization"] < 2999
    assert 3000 <= seconds["asr"] < 3999


def test_without_words_the_stages_before_are_kept() -> None:
    shelf, silent = Shelf(), bench()
    silent.pipeline.backend = None
    silent.run(shelf)
    assert tuple(shelf.saved) == STAGES[:-1]


def test_an_empty_shelf_is_a_shelf() -> None:
    """Checkpoints that count as false, as an empty mapping does, keep things all the same."""

    class Sized(Shelf):
        def __len__(self) -> int:
            return len(self.kept)

    shelf = Sized()
    bench().run(shelf)
    assert len(shelf) == len(STAGES)


def test_nothing_is_written_where_nobody_keeps_it() -> None:
    class Unwritten:
        def encode(self, value: int, made: Made, /) -> bytes:
            raise AssertionError

        def decode(self, content: bytes, /) -> tuple[int, Made]:
            raise AssertionError

    stages = Stages(checkpoints=NoCheckpoints(), watch=Stopwatch(), duration=1.0)
    assert stages("segmentation", Unwritten(), lambda: 7) == 7


def test_what_checkpoints_raise_ends_the_run() -> None:
    class Lost(Shelf):
        def save(self, stage: str, content: bytes) -> None:
            message = "somebody else has the job"
            raise PermissionError(message)

    with pytest.raises(PermissionError, match="somebody else"):
        bench().run(Lost())


def test_resumed_embeddings_are_those_that_were_heard() -> None:
    local, _ = embeddings.decode(full_shelf()["embedding"])
    fresh = bench()
    heard = fresh.pipeline.diarizer.embed(fresh.audio, fresh.pipeline.diarizer.segmenter(fresh.audio))
    assert np.array_equal(local.embeddings, heard.embeddings, equal_nan=True)


@dataclass
class Alone(Shelf):
    """Bears nobody beside whoever is at it, and takes its time."""

    inside: threading.Lock = field(default_factory=threading.Lock)

    def load(self, stage: str) -> bytes | None:
        with self.entered():
            return super().load(stage)

    def save(self, stage: str, content: bytes) -> None:
        with self.entered():
            super().save(stage, content)

    @contextmanager
    def entered(self) -> Iterator[None]:
        assert self.inside.acquire(blocking=False), "two at once"
        time.sleep(0.05)
        yield
        self.inside.release()


def test_checkpoints_are_asked_by_one_at_a_time_where_stages_run_side_by_side() -> None:
    alone, meeting = Alone(), threading.Barrier(2)
    stages = Stages(checkpoints=alone, watch=Stopwatch(), duration=SECONDS)
    seconds = np.zeros((1, 3), dtype=np.float32)
    local = LocalSpeakers(np.zeros((1, 3, 4), dtype=np.float32), seconds, seconds)

    def made() -> LocalSpeakers:
        meeting.wait(5.0)
        return local

    with ThreadPoolExecutor(2) as threads:
        both = [threads.submit(stages, name, embeddings, made) for name in ("embedding", "other")]
        for one in both:
            one.result(5.0)
    assert set(alone.kept) == {"embedding", "other"}

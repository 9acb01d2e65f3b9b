"""Several recordings at once, with one set of models: each gets what it gets alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import cast

import numpy as np
import pytest
from torch import Tensor

from pipeline.asr.chunk_audio import ChunkAudio
from pipeline.checkpoints import NoCheckpoints
from pipeline.diarization import DiarizationPipeline
from pipeline.engine import Engine, _AmongOthers, _guest
from pipeline.errors import EmptyFile
from pipeline.hooks import Hook, NullHook
from pipeline.options import AsrOptions, PipelineOptions
from pipeline.transcription import TranscriptionPipeline
from pipeline.turnstile import LOOK, Turnstile
from pipeline.types import Transcript
from pipeline.waveform import Waveform
from tests.unit.pipeline.asr.scripted import ScriptedBatch
from tests.unit.pipeline.conversation import KnowingSegmenter, ToneNetwork, Turns, sing, tone_encoder
from tests.unit.pipeline.talk import APART, MODELS, ChannelSegmenter, Listener, spoken

SOON = 20.0


def until(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + SOON
    while not happened():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.001)


OPTIONS = PipelineOptions(asr=AsrOptions(batch_size=4))
TALKS: tuple[Turns, ...] = (
    {0: [(1.0, 9.0), (24.0, 30.0)], 1: [(10.0, 22.0), (32.0, 38.0)]},
    {0: [(0.5, 4.0)]},
    {1: [(2.0, 8.0)], 0: [(9.0, 12.0)]},
    {0: [(1.0, 19.0)], 1: [(20.0, 38.0)]},
)


def talks(seconds: float = 40.0) -> tuple[TranscriptionPipeline, list[Waveform]]:
    """A pipeline that knows all the talks, and a recording of each."""
    noise = np.random.default_rng(9)
    singing = [sing(turns, seconds).mono + noise.normal(0, 1e-4, round(seconds * 16_000)) for turns in TALKS]
    samples = np.stack(singing).astype(np.float32)
    said = [word for number, turns in enumerate(TALKS) for word in spoken(turns, APART * number)]
    diarizer = DiarizationPipeline(ChannelSegmenter(samples, TALKS), tone_encoder())
    pipeline = TranscriptionPipeline(diarizer, Listener(said, recording=samples), options=OPTIONS, models=MODELS)
    return pipeline, [Waveform.of(row, f"talk {number}") for number, row in enumerate(samples)]


def timeless(transcript: Transcript) -> Transcript:
    """Without the seconds that it took."""
    return replace(transcript, provenance=replace(transcript.provenance, stage_seconds={}))


@pytest.mark.parametrize("places", [1, 3])
def test_recordings_at_once_get_what_they_get_alone(places: int) -> None:
    pipeline, recordings = talks()
    alone = [timeless(pipeline(recording)) for recording in recordings]
    engine = Engine(pipeline, Turnstile(places))
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(engine, recordings * 3, timeout=SOON))
    assert [timeless(transcript) for transcript in together] == alone * 3
    assert all(transcript.words for transcript in alone)


@pytest.mark.parametrize(("places", "strict", "at_once"), [(2, False, True), (1, False, False), (2, True, False)])
def test_voices_are_told_apart_beside_the_recognizer_where_a_place_is_free(
    places: int, strict: bool, at_once: bool
) -> None:
    pipeline, recordings = talks()
    turnstile, alone = Turnstile(places, strict=strict), timeless(pipeline(recordings[0]))
    listener, network = cast("Listener", pipeline.backend), cast("ToneNetwork", pipeline.diarizer.encoder.network)
    encode, frames, meeting, met = listener.encode, network.frames, threading.Barrier(2), dict[str, bool]()

    def meet(who: str) -> None:
        """Once each."""
        if who not in met:
            met[who] = False
            with suppress(threading.BrokenBarrierError):
                meeting.wait(SOON if at_once else 0.2)
                met[who] = True

    def heard(chunks: Sequence[ChunkAudio]) -> ScriptedBatch:
        meet("recognizer")
        return encode(chunks)

    def listened(features: Tensor) -> Tensor:
        meet("voices")
        return frames(features)

    listener.encode, network.frames = heard, listened  # type: ignore[method-assign]
    assert timeless(Engine(pipeline, turnstile)(recordings[0])) == alone
    assert met == {"recognizer": at_once, "voices": at_once}
    assert turnstile._guests == turnstile._inside == turnstile._waiting == []


@pytest.mark.parametrize("displaced", [False, True])
def test_a_recording_that_waits_for_its_voices_is_alive_only_while_those_wait_for_a_place(displaced: bool) -> None:
    """Where they compute, they have progress to report, or hang."""
    turnstile, told, begun, going_on = Turnstile(2), list[str](), threading.Event(), threading.Event()
    pace: _AmongOthers

    def voices(_: Hook) -> str:
        begun.set()
        assert going_on.wait(SOON)
        if displaced:
            urgent = [threads.submit(visit), threads.submit(visit)]
            until(lambda: len(turnstile._inside) == 3)
            pace.step()
            assert all(one.result(SOON) is None for one in urgent)
        return "voices"

    def words(_: Hook) -> str:
        assert begun.wait(SOON)
        return "words"

    def alive() -> None:
        told.append("alive")

    def visit() -> None:
        with turnstile.admitted(urgent=True):
            until(lambda: told or not displaced)

    def let_go_on() -> None:
        until(lambda: guest not in turnstile._inside)
        time.sleep(3 * LOOK)
        assert told == []
        going_on.set()

    with ThreadPoolExecutor(3) as threads, turnstile.admitted(alive=alive) as guest:
        pace = _AmongOthers(turnstile, guest, overlaps=True)
        others = threads.submit(let_go_on)
        assert pace.together(voices, words, NullHook()) == ("voices", "words")
        others.result(SOON)
        assert turnstile._inside == [guest]
    assert bool(told) is displaced


def test_what_no_helper_has_begun_a_recording_does_itself() -> None:
    turnstile = Turnstile(2)
    with turnstile.admitted() as guest, turnstile.admitted():
        pace = _AmongOthers(turnstile, guest, overlaps=True)
        done = pace.together(lambda _: threading.get_ident(), lambda _: "words", NullHook())
        assert done == (threading.get_ident(), "words")
        assert guest in turnstile._inside


def test_a_helper_keeps_no_place_while_it_waits_for_its_checkpoints() -> None:
    """Not even that of an urgent recording, which does."""
    turnstile, inside = Turnstile(2), dict[str, bool]()
    with turnstile.admitted(urgent=True) as guest:
        pace, begun = _AmongOthers(turnstile, guest, overlaps=True), threading.Event()

        def store(whose: str) -> None:
            before = len(turnstile._inside)
            with pace.away():
                inside[whose] = len(turnstile._inside) == before

        def voices(_: Hook) -> None:
            store("helper")
            begun.set()

        def words(_: Hook) -> None:
            assert begun.wait(SOON)
            token = _guest.set(guest)
            store("recording")
            _guest.reset(token)

        pace.together(voices, words, NullHook())
    assert inside == {"helper": False, "recording": True}


@pytest.mark.parametrize("failing", ["asr", "embedding", "clustering"])
def test_where_one_part_fails_the_other_ends_and_nothing_stays_behind(failing: str) -> None:
    pipeline, recordings = talks()
    engine = Engine(pipeline, Turnstile(2))

    def fail_there(stage: str, done: float, total: float) -> None:
        if stage == failing:
            raise ZeroDivisionError

    with ThreadPoolExecutor(3) as threads:
        bad = [threads.submit(engine, recording, fail_there) for recording in recordings[:2]]
        good = threads.submit(engine, recordings[2])
        for one in bad:
            with pytest.raises(ZeroDivisionError):
                one.result(SOON)
        assert good.result(SOON).words
    turnstile = engine._turnstile
    assert turnstile._guests == turnstile._inside == turnstile._waiting == []


def test_a_recording_that_fails_fails_alone() -> None:
    pipeline, recordings = talks()
    engine = Engine(pipeline)
    with ThreadPoolExecutor(4) as threads:
        good = [threads.submit(engine, recording) for recording in recordings]
        bad = threads.submit(engine, b"")
        with pytest.raises(EmptyFile):
            bad.result(SOON)
        assert all(one.result(SOON).words for one in good)


def test_an_urgent_recording_passes_a_long_one_that_began_before() -> None:
    """It does not even wait for the step at hand, which ends here once it has begun."""
    pipeline, recordings = talks()
    engine, begun, told, lock = Engine(pipeline), threading.Event(), list[str](), threading.Lock()

    def hear(recording: Waveform, name: str, *, urgent: bool) -> None:
        def hook(stage: str, done: float, total: float) -> None:
            with lock:
                told.append(name)
            begun.set()
            until(lambda: urgent or "call" in told)

        engine(recording, hook, urgent=urgent)

    long = threading.Thread(target=hear, args=(recordings[0], "backfill"), kwargs={"urgent": False})
    long.start()
    assert begun.wait(SOON)
    hear(recordings[1], "call", urgent=True)
    long.join(SOON)
    first, last = told.index("call"), len(told) - told[::-1].index("call")
    assert set(told[first:last]) == {"call"}, "nobody else computed from its first step to its last"
    assert told[:first] == ["backfill"]
    assert set(told[last:]) == {"backfill"}


def test_a_recording_that_is_called_off_while_it_waits_leaves_the_others_alone() -> None:
    pipeline, recordings = talks()
    engine, called_off = Engine(pipeline), threading.Event()

    def call_off() -> None:
        called_off.set()
        message = "the job was cancelled"
        raise ValueError(message)

    with ThreadPoolExecutor(2) as threads:
        going_on = threads.submit(engine, recordings[0], lambda *_: until(called_off.is_set))
        until(lambda: engine._turnstile._inside)
        with pytest.raises(ValueError, match="cancelled"):
            threads.submit(engine, recordings[1], alive=call_off).result(SOON)
        assert going_on.result(SOON).words


def test_a_hook_that_raises_leaves_nothing_behind() -> None:
    """Also in the middle of recognition, when others share the batches."""
    pipeline, recordings = talks()
    engine = Engine(pipeline)

    def cancelled(stage: str, done: float, total: float) -> None:
        if stage == "asr" and done:
            message = "the job was cancelled"
            raise ValueError(message)

    with ThreadPoolExecutor(4) as threads:
        bad = [threads.submit(engine, recording, cancelled) for recording in recordings[:2]]
        good = [threads.submit(engine, recording) for recording in recordings]
        assert all(one.result(SOON).words for one in good)
        for one in bad:
            with pytest.raises(ValueError, match="cancelled"):
                one.result(SOON)
    turnstile = engine._turnstile
    assert turnstile._guests == turnstile._inside == turnstile._waiting == []


class Slow(NoCheckpoints):
    """A store that answers when somebody else has got on."""

    def __init__(self) -> None:
        self.others_got_on = threading.Event()
        self.waited: list[bool] = []

    def load(self, stage: str) -> bytes | None:
        self.waited.append(self.others_got_on.wait(SOON))
        return None


def test_an_urgent_recording_keeps_its_place_while_it_waits_for_its_checkpoints() -> None:
    """Another would take it, and give it back at its next step only."""
    pipeline, recordings = talks()
    engine, begun, inside = Engine(pipeline), threading.Event(), list[list[bool]]()

    class Watched(NoCheckpoints):
        def load(self, stage: str) -> bytes | None:
            begun.set()
            until(lambda: engine._turnstile._waiting)
            inside.append([guest.urgent for guest in engine._turnstile._inside])
            return None

    with ThreadPoolExecutor(2) as threads:
        urgent = threads.submit(engine, recordings[0], None, None, Watched(), urgent=True)
        assert begun.wait(SOON)
        other = threads.submit(engine, recordings[1])
        assert urgent.result(SOON).words
        assert other.result(SOON).words
    assert inside
    assert all(each == [True] for each in inside)


def test_others_compute_while_one_waits_for_its_checkpoints() -> None:
    pipeline, recordings = talks()
    engine, slow = Engine(pipeline), Slow()
    with ThreadPoolExecutor(2) as threads:
        waiting = threads.submit(engine, recordings[0], None, None, slow)
        engine(recordings[1], lambda stage, done, total: slow.others_got_on.set())
        assert waiting.result(SOON).words
    assert all(slow.waited)


def test_without_a_recognizer_an_engine_tells_who_spoke_when() -> None:
    turns: Turns = {0: [(1.0, 9.0)], 1: [(10.0, 22.0)]}
    pipeline = TranscriptionPipeline(DiarizationPipeline(KnowingSegmenter(turns), tone_encoder()), None)
    assert len(Engine(pipeline)(sing(turns, 24.0)).diarization.turns) == 2


def test_chunks_of_two_recordings_share_a_batch() -> None:
    """While the first batch of one is held up, the other takes in what that one has waiting."""
    pipeline, recordings = talks()
    listener, begun, done = cast("Listener", pipeline.backend), threading.Event(), threading.Event()
    encode, engine = listener.encode, Engine(pipeline, Turnstile(2))

    def hold_the_first(chunks: Sequence[ChunkAudio]) -> ScriptedBatch:
        if not begun.is_set():
            begun.set()
            assert done.wait(SOON)
        return encode(chunks)

    listener.encode = hold_the_first  # type: ignore[method-assign]
    options = [PipelineOptions(asr=AsrOptions(batch_size=size, chunk_seconds=10.0)) for size in (2, 16)]
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(engine, recordings[0], None, options[0])
        assert begun.wait(SOON)
        second = engine(recordings[3], None, options[1])
        done.set()
        assert [word.text for word in first.result(SOON).words] == [text for _, text in spoken(TALKS[0])]
    assert [word.text for word in second.words] == [text for _, text in spoken(TALKS[3])]
    assert listener.batches[0] > 4, "its own four chunks, and some of the other's"

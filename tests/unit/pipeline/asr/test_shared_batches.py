"""Recordings that share batches: each gets its own, and only its own, whatever happens to the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pytest

from pipeline.asr.backend import DecodeRequest
from pipeline.asr.batching import Decoded, Order, OwnBatches
from pipeline.asr.chunk_audio import ChunkAudio
from pipeline.asr.shared_batches import GuestBatches, SharedBatches
from pipeline.errors import OutOfMemory
from pipeline.turnstile import Turnstile
from pipeline.types import Segment
from pipeline.waveform import Waveform
from tests.unit.pipeline.asr.scripted import Script, ScriptedBatch, clock_waveform

SOON = 5.0
SAID = [(0.5 + 0.5 * number, f"word{number}") for number in range(1000)]
"""All recordings are stretches of one long talk, so that one script knows them all."""
TALK = clock_waveform(500.0).mono
REQUEST = DecodeRequest(language="en")


@dataclass
class Gate(Script):
    """Holds the first batch until it is opened, and has room for `room` chunks; what says `poison` breaks it."""

    opened: threading.Event = field(default_factory=threading.Event)
    room: int = 100
    poison: str | None = None

    def encode(self, chunks: Sequence[ChunkAudio]) -> ScriptedBatch:
        if not self.batches:
            self.opened.wait(SOON)
        encoded = super().encode(chunks)
        if len(chunks) > self.room:
            message = "CUDA out of memory"
            raise RuntimeError(message)
        texts = [hypothesis.text for hypothesis in encoded.decode(REQUEST)]
        if self.poison is not None and any(self.poison in text.split() for text in texts):
            message = "the model choked"
            raise ValueError(message)
        return encoded


def orders(first: float, count: int, seconds: float = 4.0, times: bool = False) -> list[Order]:
    """Chunks of a recording that is the talk from its second `first` on."""
    waveform = Waveform.of(TALK[round(first * 16_000) : round((first + 10 * count) * 16_000)])
    chunks = [Segment(10.0 * number, 10.0 * number + seconds) for number in range(count)]
    audios = [ChunkAudio(waveform, chunk) for chunk in chunks]
    return [
        Order(audio=audio, request=REQUEST, times=times, padded=seconds + 1, decoded=lambda _: None) for audio in audios
    ]


def texts(decoded: Sequence[Decoded]) -> list[str]:
    return [one.hypothesis.text for one in sorted(decoded, key=lambda one: one.chunk)]


def alone(wanted: Sequence[Order]) -> list[str]:
    return texts([decoded for batch in OwnBatches(Script(SAID), 8).decode(wanted) for decoded in batch])


def until(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + SOON
    while not happened():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.001)


class Office:
    """Recordings that come one after the other, while the first batch is held up."""

    def __init__(self, backend: Gate, places: int = 4) -> None:
        self.backend = backend
        self.turnstile = Turnstile(places)
        self.shared = SharedBatches(backend, self.turnstile)
        self.threads = ThreadPoolExecutor(8)
        self.batchers: list[GuestBatches] = []

    def submit(self, wanted: list[Order], most: int = 4, *, urgent: bool = False) -> Future[list[str]]:
        def decode() -> list[str]:
            with self.turnstile.admitted(urgent=urgent) as guest:
                batcher = GuestBatches(self.shared, guest, most)
                self.batchers.append(batcher)
                return texts([decoded for batch in batcher.decode(wanted) for decoded in batch])

        return self.threads.submit(decode)

    def send(self, wanted: list[Order], most: int = 4, *, urgent: bool = False) -> Future[list[str]]:
        """Submit, and wait until the orders lie on their desk."""
        expected, before = len(self.batchers) + 1, len(self.shared._desks)
        sent = self.submit(wanted, most, urgent=urgent)
        until(lambda: len(self.batchers) == expected and (sent.done() or len(self.shared._desks) > before))
        return sent


def test_a_batch_is_filled_up_with_what_others_have_waiting_and_each_gets_its_own() -> None:
    office = Office(Gate(SAID))
    wanted = [orders(0.0, 7), orders(100.0, 1)]
    sent = [office.send(each, most=most) for each, most in zip(wanted, (1, 4), strict=True)]
    office.backend.opened.set()
    assert [one.result(SOON) for one in sent] == [alone(each) for each in wanted]
    assert sorted(office.backend.batches) == [1, 1, 1, 1, 4]
    assert office.shared._desks == []


def test_a_batch_that_is_not_full_waits_while_others_use_all_places() -> None:
    office = Office(Gate(SAID), places=1)
    office.backend.opened.set()
    wanted = [orders(100.0 * number, 1) for number in range(4)]
    with office.turnstile.admitted():
        sent = [office.submit(each) for each in wanted]
        until(lambda: len(office.turnstile._waiting) == len(wanted))
    assert [one.result(SOON) for one in sent] == [alone(each) for each in wanted]
    assert office.backend.batches == [4]


@pytest.mark.parametrize(
    ("places", "urgent", "patient", "begins"),
    [(1, False, True, False), (1, False, False, True), (1, True, True, True), (2, False, True, True)],
)
def test_a_batch_waits_for_nobody_if_it_is_urgent_or_has_waited_or_cores_are_idle(
    places: int, urgent: bool, patient: bool, begins: bool
) -> None:
    turnstile = Turnstile(places)
    shared = SharedBatches(Script(SAID), turnstile)
    deadline = time.monotonic() + (SOON if patient else -SOON)
    with turnstile.admitted(urgent=urgent) as guest:
        batcher = GuestBatches(shared, guest, 4)
        desk = batcher.desk(orders(0.0, 1))
        with turnstile.outside(guest), turnstile.admitted():
            assert (shared._ready(desk, deadline) is not None) is begins


@pytest.mark.parametrize("other", [orders(100.0, 1, seconds=6.0), orders(100.0, 1, times=True)])
def test_only_orders_of_a_kind_share_a_batch(other: list[Order]) -> None:
    """Though there is room, and the first recording has two more waiting."""
    office = Office(Gate(SAID))
    wanted = [orders(0.0, 3), other]
    sent = [office.send(each, most=most) for each, most in zip(wanted, (1, 4), strict=True)]
    office.backend.opened.set()
    assert [one.result(SOON) for one in sent] == [alone(each) for each in wanted]
    assert office.backend.batches == [1] * 4


def test_what_is_urgent_shares_no_batch_with_what_is_not() -> None:
    office = Office(Gate(SAID))
    wanted = [orders(0.0, 3), orders(100.0, 1)]
    sent = [office.send(each, most=most, urgent=most == 4) for each, most in zip(wanted, (1, 4), strict=True)]
    office.backend.opened.set()
    assert [one.result(SOON) for one in sent] == [alone(each) for each in wanted]
    assert office.backend.batches == [1] * 4


def test_a_chunk_that_fails_fails_its_own_recording_and_no_other() -> None:
    office = Office(Gate(SAID, poison="word201"))
    good, bad, late = orders(0.0, 2), orders(100.0, 2), orders(300.0, 3)
    sent = [office.send(each) for each in (good, bad, late)]
    office.backend.opened.set()
    assert sent[0].result(SOON) == alone(good)
    with pytest.raises(ValueError, match="the model choked"):
        sent[1].result(SOON)
    assert sent[2].result(SOON) == alone(late)
    assert [batcher.notices for batcher in office.batchers] == [(), (), ()]


def test_memory_that_runs_out_halves_the_batch_and_everyone_in_it_is_told() -> None:
    office = Office(Gate(SAID, room=2))
    wanted = [orders(100.0 * number, 4) for number in range(2)]
    sent = [office.send(each, most=8) for each in wanted]
    office.backend.opened.set()
    assert [one.result(SOON) for one in sent] == [alone(each) for each in wanted]
    for batcher in office.batchers:
        (notice,) = batcher.notices
        assert notice.code == "memory_short"
        assert "batches of 2 were used instead of 8" in notice.message


def test_what_memory_was_left_for_is_not_tried_again_in_full() -> None:
    office = Office(Gate(SAID, room=2))
    office.backend.opened.set()
    wanted = orders(0.0, 20)
    assert office.send(wanted, most=8).result(SOON) == alone(wanted)
    assert office.backend.batches == [8, 4, 2, 2, 4, 2, 2, *[2] * 6]


class Interrupted(BaseException):
    """Ends the thread that runs a batch."""


@pytest.mark.parametrize("after", [0, 1])
def test_a_batch_that_is_cut_off_goes_back_to_those_whose_it_is(after: int) -> None:
    """Whatever of it was not done by then: by its second half, too."""
    turnstile = Turnstile(2)

    @dataclass
    class CutOff(Script):
        def encode(self, chunks: Sequence[ChunkAudio]) -> ScriptedBatch:
            encoded = super().encode(chunks)
            if len(self.batches) == 1 + after:
                raise Interrupted
            if after and len(self.batches) == 1:
                message = "CUDA out of memory"
                raise RuntimeError(message)
            return encoded

    shared = SharedBatches(CutOff(SAID), turnstile)
    with turnstile.admitted() as first, turnstile.admitted() as second:
        other = GuestBatches(shared, second, 4).desk(orders(100.0, 2))
        shared._desks.append(other)
        with pytest.raises(Interrupted):
            list(GuestBatches(shared, first, 4).decode(orders(0.0, 2)))
        assert other.begun == 0
        assert len(other.waiting) + len(other.done) == 2
        shared._desks.remove(other)
        found = [decoded for batch in shared.decode(other) for decoded in batch]
    assert texts(found) == alone(orders(100.0, 2))


def test_a_chunk_that_does_not_fit_alone_ends_its_recording_with_the_reason() -> None:
    office = Office(Gate(SAID, room=0))
    sent = office.send(orders(0.0, 2))
    office.backend.opened.set()
    with pytest.raises(OutOfMemory, match="speech recognition: there is not even memory for a batch of one"):
        sent.result(SOON)


def test_who_stops_early_leaves_nothing_behind_that_others_would_work_for() -> None:
    script = Script(SAID)
    turnstile = Turnstile()
    shared = SharedBatches(script, turnstile)
    with turnstile.admitted() as guest:
        decoding = GuestBatches(shared, guest, 2).decode(orders(0.0, 6))
        next(decoding)
        decoding.close()  # type: ignore[attr-defined]
        assert shared._desks == []
        left = [decoded for batch in GuestBatches(shared, guest, 4).decode(orders(200.0, 2)) for decoded in batch]
    assert texts(left) == alone(orders(200.0, 2))
    assert script.batches == [2, 2]


def test_with_one_place_nobody_waits_for_ever() -> None:
    """Many at once, in every order: whoever waits for what another has begun lets others compute."""
    office = Office(Gate(SAID), places=1)
    office.backend.opened.set()
    rng = np.random.default_rng(3)
    wanted = [orders(10.0 * number, int(rng.integers(1, 6))) for number in range(30)]
    with ThreadPoolExecutor(8) as threads:

        def decode(each: list[Order]) -> list[str]:
            with office.turnstile.admitted(urgent=len(each) == 1) as guest:
                found = []
                for batch in GuestBatches(office.shared, guest, 4).decode(each):
                    found += batch
                    office.turnstile.make_way(guest)
                return texts(found)

        assert list(threads.map(decode, wanted, timeout=30)) == [alone(each) for each in wanted]

"""What the encoder made of a chunk is used again, for as long as that is to be expected, and within bounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from pipeline.asr.backend import DecodeRequest, Hypothesis
from pipeline.asr.chunk_audio import ChunkAudio, ChunkAudios
from pipeline.asr.recognition import Recognizer
from pipeline.options import AsrOptions
from pipeline.types import Recognition, Segment
from tests.unit.pipeline.asr.scripted import Script, ScriptedBatch, clock_waveform, hypothesis
from tests.unit.pipeline.asr.test_recognition import SAID, SECONDS, TALK, looping, skips_the_second_half

HERE, THERE = Segment(1.0, 2.0), Segment(5.0, 6.0)
SIZE = 4000


def encoded(chunk: ChunkAudio) -> ChunkAudio:
    chunk.encoded = np.zeros((1, 10, SIZE // 40), dtype=np.float32)
    return chunk


@dataclass
class Remembering(Script):
    """Leaves in a chunk what it made of it, and notes each that it encodes."""

    encodings: list[Segment] = field(default_factory=list)
    chunks: list[ChunkAudio] = field(default_factory=list)

    def encode(self, chunks: Sequence[ChunkAudio]) -> ScriptedBatch:
        self.encodings += [chunk.span for chunk in chunks if chunk.encoded is None]
        self.chunks += map(encoded, chunks)
        return super().encode(chunks)

    def hear(self, options: AsrOptions | None = None) -> Recognition:
        return Recognizer(self, options or AsrOptions(chunk_seconds=21.0))(clock_waveform(SECONDS), TALK)


def test_a_chunk_is_given_with_the_encoding_that_was_kept_and_once() -> None:
    audios = ChunkAudios(clock_waveform(10.0))
    made = encoded(audios.take(HERE)).encoded
    assert audios.take(HERE).encoded is None
    audios.put_back(ChunkAudio(audios.waveform, HERE, made), again=True)
    assert audios.take(THERE).encoded is None
    assert audios.take(HERE).encoded is made
    assert audios.take(HERE).encoded is None


@pytest.mark.parametrize(("again", "room", "kept"), [(True, SIZE, 1), (True, SIZE - 1, 0), (False, SIZE, 0)])
def test_no_encoding_is_kept_without_need_or_room(again: bool, room: int, kept: int) -> None:
    audios = ChunkAudios(clock_waveform(10.0), room)
    chunks = [encoded(audios.take(span)) for span in (HERE, THERE)]
    for chunk in chunks:
        audios.put_back(chunk, again=again)
    assert sum(chunk.encoded is not None for chunk in chunks) == kept
    assert sum(audios.take(span).encoded is not None for span in (HERE, THERE)) == kept


def test_what_was_let_go_of_makes_room() -> None:
    audios = ChunkAudios(clock_waveform(10.0), SIZE)
    audios.put_back(encoded(audios.take(HERE)), again=True)
    audios.let_go()
    audios.put_back(encoded(audios.take(THERE)), again=True)
    assert audios.take(HERE).encoded is None
    assert audios.take(THERE).encoded is not None


def test_a_chunk_that_is_looked_at_again_is_encoded_once() -> None:
    script = Remembering(SAID, mistake=skips_the_second_half)
    again = Recognizer(Script(SAID, mistake=skips_the_second_half), AsrOptions(chunk_seconds=21.0))
    assert script.hear() == again(clock_waveform(SECONDS), TALK)
    assert len(script.requests) > len(script.encodings)
    assert len(script.encodings) == len(set(script.encodings))


def test_a_chunk_that_is_sampled_is_encoded_once() -> None:
    def loops(chunk: Segment, request: DecodeRequest) -> Hypothesis | None:
        return looping(chunk, request, cured_at=0.6)

    script = Remembering(SAID, mistake=loops)
    script.hear()
    assert {request.temperature for _, request in script.requests} >= {0.0, 0.2, 0.6}
    assert len(script.encodings) == len(set(script.encodings))


def test_chunks_that_tell_the_language_are_encoded_once() -> None:
    script = Remembering(SAID, languages=("en", "de"), detects={"de": 0.9, "en": 0.1})
    assert script.hear().language == "de"
    assert script.batches[0] > 1
    assert len(script.encodings) == len(set(script.encodings))


def test_an_encoding_that_nobody_will_need_is_let_go_of_before_the_next_batch() -> None:
    """Of a recording whose chunks have all their words; slow speech may yet turn out to lack some."""
    held = []

    class Watching(Remembering):
        def encode(self, chunks: Sequence[ChunkAudio]) -> ScriptedBatch:
            held.append(sum(chunk.encoded is not None for chunk in self.chunks))
            return super().encode(chunks)

    fast = [(0.5 + 0.35 * number + (number >= 57), f"word{number}") for number in range(114)]
    Watching(fast).hear(AsrOptions(chunk_seconds=5.0, batch_size=1))
    assert len(held) > 5
    assert set(held) == {0}


def test_what_was_encoded_of_a_batch_that_does_not_fit_is_let_go_of() -> None:
    class Small(Remembering):
        def encode(self, chunks: Sequence[ChunkAudio]) -> ScriptedBatch:
            held.append(sum(chunk.encoded is not None for chunk in self.chunks))
            batch = super().encode(chunks)
            if len(chunks) > 1:
                raise MemoryError
            return batch

    held = list[int]()
    fast = [(0.5 + 0.35 * number + (number >= 57), f"word{number}") for number in range(114)]
    Small(fast).hear(AsrOptions(chunk_seconds=5.0, batch_size=4))
    assert len(held) > 5
    assert set(held) == {0}


def test_no_encoding_outlives_recognition() -> None:
    """Nor that of slow speech, which would lack words in another recording and does not in this one."""

    def slowly(chunk: Segment, request: DecodeRequest) -> Hypothesis | None:
        # Two words a second.
        heard = [number for number, (time, _) in enumerate(SAID) if chunk.start <= time < chunk.end and number % 5]
        return hypothesis(Script(SAID), heard, chunk, request)

    script = Remembering(SAID, mistake=slowly)
    script.hear()
    assert not any(request.timestamps for _, request in script.requests)
    assert script.chunks
    assert all(chunk.encoded is None for chunk in script.chunks)


def test_what_was_taken_up_again_takes_room_until_it_is_put_back() -> None:
    audios = ChunkAudios(clock_waveform(10.0), SIZE)
    audios.put_back(encoded(audios.take(HERE)), again=True)
    taken, other = audios.take(HERE), encoded(audios.take(THERE))
    audios.put_back(other, again=True)
    assert other.encoded is None
    audios.put_back(taken, again=False)
    audios.put_back(encoded(other), again=True)
    assert other.encoded is not None

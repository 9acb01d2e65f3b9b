from __future__ import annotations

import io
import sys
import wave
from pathlib import Path

import pytest

from pipeline import cores
from pipeline.cli.recordings import STANDARD_INPUT, Recording
from pipeline.cli.session import Choice, Loader
from pipeline.embedding.encoder import SpeakerEncoder
from pipeline.hooks import NullHook
from pipeline.segmentation.segmenter import Segmenter


def test_recording_is_heard_as_one_channel_under_the_name_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not that of its file, which another may share."""
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(4 * 16_000))
    (tmp_path / "talk.wav").write_bytes(content.getvalue())
    content.seek(0)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(content))
    named = Loader().audio(Recording(tmp_path / "talk.wav", "monday_talk.wav"), NullHook())
    piped = Loader().audio(Recording(STANDARD_INPUT, "stdin"), NullHook())
    assert (named.uri, named.channels, named.duration) == ("monday_talk.wav", 1, 1.0)
    assert (piped.uri, piped.channels, piped.duration) == ("stdin", 1, 1.0)


@pytest.mark.parametrize(("asked", "threads"), [(3, 3), (None, 5)])
def test_networks_by_themselves_have_the_threads_that_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, asked: int | None, threads: int
) -> None:
    """None: as there are cores."""
    given: list[int] = []

    def load(*_: object, threads: int, **__: object) -> None:
        given.append(threads)

    monkeypatch.setattr(Segmenter, "from_pretrained", load)
    monkeypatch.setattr(SpeakerEncoder, "from_pretrained", load)
    monkeypatch.setattr(cores, "default_threads", lambda: 5)
    Loader().segmenter(Choice(threads=asked))
    Loader().encoder(Choice(threads=asked))
    assert given == [threads, threads]

"""The header of a FLAC file is believed only where it can be ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import MalformedFile
from tests.unit.pipeline.audio.recordings import encoded, tone
from workers.sandbox.stored_audio import flac_header, read_flac


def test_shape_and_length_are_read() -> None:
    header = flac_header(encoded(tone(1.5, channels=2), "flac", "flac", options={}))
    assert (header.channels, header.samples, header.seconds) == (2, 24_000, 1.5)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"fLaC",
        b"RIFF" + bytes(100),
        b"fLaC" + bytes(100),
        encoded(tone(0.5, rate=8_000), "flac", "flac", rate=8_000),
        encoded(tone(0.5), "flac", "flac")[:20],
    ],
    ids=["nothing", "marker only", "WAV", "zeros", "8 kHz", "cut"],
)
def test_any_other_file_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedFile, match="not a finished FLAC file"):
        flac_header(data)


def test_what_is_not_the_stored_file_is_no_recording(tmp_path: Path) -> None:
    path = tmp_path / "audio.flac"
    path.write_bytes(encoded(tone(0.5), "wav", "pcm_s16le"))
    with pytest.raises(MalformedFile):
        read_flac(path, name="a", notices=())

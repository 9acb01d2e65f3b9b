from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.audio import decode, display_name, probe
from tests.unit.pipeline.audio.recordings import encoded, tone, two_streams, wav, with_id3


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("meeting.wav", "meeting"),
        ("speech_umlaut_ä_日本 name.wav", "speech_umlaut_ä_日本_name"),
        ("a b\tc\u3000d.mp3", "a_b_c_d"),
        ("no_ending", "no_ending"),
        ("v1.2.wav", "v1.2"),
        (".wav", "audio"),
        (" .wav", "audio"),
        ("<script>.wav", "<script>"),
        ("-i.wav", "-i"),
        ("bell\x07.wav", "bell"),
    ],
)
def test_a_recording_is_named_after_its_file(tmp_path: Path, name: str, uri: str) -> None:
    path = tmp_path / name
    path.write_bytes(wav(tone(0.1)))
    assert decode(path).uri == probe(path).uri == uri


def test_a_name_that_is_no_utf8_can_still_be_written(tmp_path: Path) -> None:
    path = tmp_path / "caf\udce9.wav"
    path.write_bytes(wav(tone(0.1)))
    assert decode(path).uri == "caf?"


def test_without_a_file_name_it_is_audio_unless_told() -> None:
    assert decode(wav(tone(0.1))).uri == "audio"
    assert decode(io.BytesIO(wav(tone(0.1)))).uri == "audio"
    assert decode(wav(tone(0.1)), uri="call 7\n").uri == "call_7"


@given(st.text())
def test_any_text_becomes_one_word_that_can_be_written(text: str) -> None:
    name = display_name(text)
    assert name.split() == [name]
    assert name.encode("utf-8")


def test_probe_tells_what_the_header_says() -> None:
    info = probe(encoded(tone(2.0, 44_100, 2), "flac", "flac", 44_100))
    assert (info.format, info.codec, info.sample_rate, info.channels) == ("flac", "flac", 44_100, 2)
    assert (info.seconds, info.promised, info.audio_streams, info.has_video) == (2.0, True, 1, False)


def test_probe_counts_streams_and_bytes_with_tags() -> None:
    data = with_id3(encoded(tone(1.0), "mp3", "libmp3lame"), 50_000)
    assert probe(data).bytes == len(data)
    assert probe(two_streams()).audio_streams == 2


def test_an_estimate_is_not_a_promise() -> None:
    info = probe(encoded(tone(2.0), "adts", "aac"))
    assert not info.promised
    assert info.seconds == pytest.approx(2.0, abs=0.5)

"""Files made to hurt: none may open another file, crash, or show an error that is not ours."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.audio import container, decode, probe
from pipeline.errors import (
    AudioError,
    CorruptMedia,
    EncryptedMedia,
    NoAudioStream,
    SourceNotFound,
    UnsupportedFormat,
)
from pipeline.options import DecodeLimits
from tests.unit.pipeline.audio.recordings import encoded, silent_video, tone, two_streams, wav


@pytest.fixture
def neighbour(tmp_path: Path) -> Path:
    """Audio on the same disk that is not the recording."""
    path = tmp_path / "neighbour.wav"
    path.write_bytes(wav(tone(1.0)))
    (tmp_path / "segment.ts").write_bytes(encoded(tone(1.0), "mpegts", "aac"))
    return path


def playlists(neighbour: Path) -> dict[str, str]:
    segment = neighbour.with_name("segment.ts")
    return {
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\nfile://{segment}\n#EXT-X-ENDLIST\n",
        "hls_relative": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\nsegment.ts\n#EXT-X-ENDLIST\n",
        "ffconcat": f"ffconcat version 1.0\nfile '{neighbour}'\n",
        "ffconcat_relative": "ffconcat version 1.0\nfile neighbour.wav\n",
        "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
        "dash": f'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{neighbour}</BaseURL></MPD>',
        "pls": f"[playlist]\nFile1={neighbour}\nNumberOfEntries=1\n",
    }


@pytest.mark.parametrize("kind", ["hls", "hls_relative", "ffconcat", "ffconcat_relative", "sdp", "dash", "pls"])
@pytest.mark.parametrize("as_path", [True, False])
def test_a_playlist_is_refused_whatever_it_is_called(neighbour: Path, kind: str, as_path: bool) -> None:
    text = playlists(neighbour)[kind].encode()
    path = neighbour.with_name("recording.wav")
    path.write_bytes(text)
    with pytest.raises(UnsupportedFormat, match="playlist"):
        decode(path if as_path else text)


@pytest.mark.parametrize("kind", ["hls", "hls_relative", "ffconcat", "ffconcat_relative"])
def test_even_a_demuxer_that_may_read_playlists_is_given_no_other_file(
    neighbour: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second lock holds where the first, the list of formats, is left open."""
    monkeypatch.setattr(container, "FORMATS", container.FORMATS + ",hls,concat")
    monkeypatch.chdir(neighbour.parent)
    with pytest.raises((AudioError, PermissionError)):
        decode(playlists(neighbour)[kind].encode())


@pytest.mark.parametrize(
    "name", ["concat:a.wav|b.wav", "http://127.0.0.1:9/x.wav", "file:neighbour.wav", "-i", "%d.wav", "x\0.wav"]
)
def test_a_path_is_only_ever_a_path(neighbour: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(neighbour.parent)
    with pytest.raises(SourceNotFound):
        decode(name)


def test_a_folder_is_no_recording(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound):
        decode(tmp_path)


@pytest.mark.parametrize(
    "data",
    [b"This is not a sound file.\n" * 40, b"<!doctype html><html><body>404</body></html>", b"\0" * 5_000, b"x",
     b"\x89PNG\r\n\x1a\n" + bytes(500), b"GIF89a" + bytes(500), b"%PDF-1.7" + bytes(500), b"PK\x03\x04" + bytes(500)],
)  # fmt: skip
def test_what_is_no_recording_is_unsupported(data: bytes) -> None:
    with pytest.raises(UnsupportedFormat):
        decode(data)


@pytest.mark.parametrize(
    "data",
    [wav(tone(1.0), header_rate=0), wav(tone(1.0), header_channels=0), wav(tone(1.0), header_rate=0xFFFFFFFF),
     wav(tone(1.0), header_rate=1), b"RIFF" + bytes(400), b"fLaC" + bytes(400), b"OggS" + bytes(400),
     encoded(tone(5.0), "mp4", "aac")[:20_000]],
)  # fmt: skip
def test_a_header_that_cannot_be_true_is_corrupt(data: bytes) -> None:
    with pytest.raises(CorruptMedia):
        decode(data)


def test_a_video_without_sound_has_no_audio_stream() -> None:
    with pytest.raises(NoAudioStream):
        decode(silent_video())


@pytest.mark.parametrize("order", [{}, {"movflags": "frag_keyframe+empty_moov"}], ids=["index last", "index first"])
def test_encrypted_audio_is_told_from_damage(order: dict[str, str]) -> None:
    protection = {
        "encryption_scheme": "cenc-aes-ctr",
        "encryption_key": "00112233445566778899aabbccddeeff",
        "encryption_kid": "ffeeddccbbaa99887766554433221100",
        **order,
    }
    with pytest.raises(EncryptedMedia):
        decode(encoded(tone(1.0), "mp4", "aac", options=protection))


def test_too_many_streams_are_refused_with_the_limit_named() -> None:
    with pytest.raises(UnsupportedFormat, match=r"2 streams.*limit is 1 .max_streams"):
        decode(two_streams(), limits=DecodeLimits(max_streams=1))


def test_a_disk_that_fails_on_the_way_is_not_blamed_on_the_recording() -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 500_000:
                raise OSError(5, "Input/output error")
            return super().read(size)

    with pytest.raises(SourceNotFound, match="Input/output error"):
        decode(Failing(wav(tone(60.0))))


def test_a_file_opened_as_text_is_a_mistake_in_the_program() -> None:
    with pytest.raises(TypeError, match="rb"):
        decode(io.StringIO("text"))  # type: ignore[arg-type]


def test_a_wav_with_a_chunk_that_claims_four_gigabytes_is_refused() -> None:
    data = b"RIFF" + struct.pack("<I", 100) + b"WAVEjunk" + struct.pack("<I", 0xFFFFFFF0) + bytes(200)
    with pytest.raises(CorruptMedia):
        decode(data)


SEEDS = [
    wav(tone(0.3)),
    encoded(tone(0.3), "mp3", "libmp3lame"),
    encoded(tone(0.3), "flac", "flac"),
    encoded(tone(0.3), "mp4", "aac"),
    encoded(tone(0.3), "ogg", "libopus"),
    encoded(tone(0.3), "matroska", "pcm_s16le"),
]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(SEEDS), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=30), st.floats(0, 1))
def test_no_change_of_bytes_gives_anything_but_audio_or_our_error(
    seed: bytes, changes: list[tuple[float, int]], cut: float
) -> None:
    data = bytearray(seed)
    for place, value in changes:
        # Squared: headers, at the beginning, are hit more often.
        data[int(place * place * (len(data) - 1))] = value
    for call in (decode, probe):
        try:
            result = call(bytes(data[: int((1 - cut**4) * len(data))]), limits=DecodeLimits(max_seconds=30))
        except AudioError:
            continue
        if call is decode:
            assert np.isfinite(result.samples).all()  # type: ignore[union-attr]

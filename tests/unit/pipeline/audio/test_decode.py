from __future__ import annotations

import io
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.audio import decode
from pipeline.errors import AudioTooLong, AudioTooShort, CorruptMedia, EmptyFile, SourceTooLarge, TooManyChannels
from pipeline.options import DecodeLimits
from pipeline.waveform import Waveform
from tests.unit.pipeline.audio.recordings import encoded, tone, two_streams, wav, with_id3


def codes(waveform: Waveform) -> list[str]:
    return [notice.code for notice in waveform.notices]


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 37_123, 44_100, 96_000])
def test_every_rate_becomes_16_khz_without_changing_the_sound(rate: int) -> None:
    waveform = decode(wav(tone(2.0, rate), rate))
    assert waveform.duration == pytest.approx(2.0, abs=1e-3)
    inner = slice(1_600, 30_000)  # the ends ring
    assert waveform.samples[0, inner] == pytest.approx(tone(2.0)[0, inner], abs=2e-3)


@pytest.mark.parametrize(
    ("container", "codec"),
    [("mp3", "libmp3lame"), ("mp4", "aac"), ("ogg", "libopus"), ("flac", "flac"), ("wav", "pcm_mulaw"),
     ("adts", "aac"), ("aiff", "pcm_s16be"), ("caf", "pcm_s24le"), ("w64", "pcm_f32le"), ("wav", "pcm_f64le"),
     ("wav", "pcm_u8"), ("wav", "adpcm_ima_wav"), ("mpegts", "aac"), ("matroska", "pcm_s32le"), ("tta", "tta")],
)  # fmt: skip
def test_a_whole_file_in_any_format_decodes_to_its_length_and_level_without_notices(container: str, codec: str) -> None:
    waveform = decode(encoded(tone(3.0), container, codec))
    assert waveform.duration == pytest.approx(3.0, abs=0.1)
    assert np.sqrt((waveform.mono**2).mean()) == pytest.approx(0.3 / np.sqrt(2), rel=0.1)
    assert waveform.notices == ()


def test_path_text_bytes_and_open_files_give_the_same(tmp_path: Path) -> None:
    data = wav(tone(0.5))
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    expected = decode(data).samples
    with path.open("rb") as file:
        for source in (path, str(path), file, io.BytesIO(data)):
            assert np.array_equal(decode(source).samples, expected)
        assert not file.closed


def test_an_open_file_is_read_from_where_it_stands() -> None:
    file = io.BytesIO(b"some envelope" + wav(tone(0.5)))
    file.seek(13)
    assert decode(file).duration == 0.5


def test_a_pipe_that_cannot_seek_is_read_as_well() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    assert decode(Pipe(encoded(tone(1.0), "mp4", "aac"))).duration == pytest.approx(1.0, abs=0.1)


def test_channels_are_kept() -> None:
    samples = np.concatenate([tone(0.5), 0.5 * tone(0.5), np.zeros((1, 8_000), np.float32)])
    assert decode(wav(samples)).samples == pytest.approx(samples, abs=1e-4)


def test_sixteen_channels_decode_and_seventeen_are_refused_with_the_limit_named() -> None:
    assert decode(wav(tone(0.1, channels=16))).channels == 16
    with pytest.raises(TooManyChannels, match=r"17 channels.*limit is 16.*max_channels"):
        decode(wav(tone(0.1, channels=17)))


def test_a_recording_beyond_the_limit_is_refused_while_it_is_decoded() -> None:
    """The header says 0.01 s; it is not asked."""
    seen: list[float] = []
    data = encoded(np.zeros((1, 60 * 16_000), np.float32), "flac", "flac")
    # Total samples, the low 36 bits of bytes 21 to 25 of a FLAC file: 160.
    lying = data[:22] + (160).to_bytes(4, "big") + data[26:]
    with pytest.raises(AudioTooLong, match=r"limit of 20 s.*max_seconds"):
        decode(lying, limits=DecodeLimits(max_seconds=20), hook=lambda _stage, done, _total: seen.append(done))
    assert max(seen) <= 20


def test_a_recording_of_exactly_the_limit_is_accepted() -> None:
    assert decode(wav(tone(2.0)), limits=DecodeLimits(max_seconds=2.0)).duration == 2.0


def test_the_shortest_length_is_a_limit_only_where_one_is_set() -> None:
    assert decode(wav(tone(0.05))).samples.shape == (1, 800)
    assert decode(wav(tone(0.05)[:, :1])).samples.shape == (1, 1)
    with pytest.raises(AudioTooShort, match="min_seconds"):
        decode(wav(tone(0.05)), limits=DecodeLimits(min_seconds=0.1))


def test_no_samples_are_too_short_whatever_the_limits() -> None:
    with pytest.raises(AudioTooShort, match="no samples"):
        decode(wav(tone(0.0)))


def test_no_bytes_are_an_empty_file() -> None:
    with pytest.raises(EmptyFile):
        decode(b"")


def test_a_header_that_claims_a_hundred_hours_is_found_out() -> None:
    waveform = decode(wav(tone(2.0), data_size=100 * 3600 * 500))
    assert waveform.duration == 2.0
    assert codes(waveform) == ["truncated"]
    assert "ends after 2.0 of 5625.0 s" in waveform.notices[0].message


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF - 36])
def test_the_sizes_of_a_live_stream_promise_nothing(size: int) -> None:
    waveform = decode(wav(tone(2.0), data_size=size))
    assert (waveform.duration, waveform.notices) == (2.0, ())


@pytest.mark.parametrize(("container", "codec"), [("wav", "pcm_s16le"), ("mp3", "libmp3lame"), ("flac", "flac")])
def test_a_truncated_file_decodes_as_far_as_it_goes_and_says_how_much_is_missing(container: str, codec: str) -> None:
    data = encoded(tone(8.0), container, codec)
    waveform = decode(data[: len(data) // 2])
    assert 3.0 < waveform.duration < 5.0
    assert codes(waveform) == ["truncated"]
    assert f"{waveform.duration:.1f} of 8.0 s" in waveform.notices[0].message


def test_a_header_that_promises_samples_and_has_none_is_corrupt() -> None:
    with pytest.raises(CorruptMedia):
        decode(wav(tone(0.0), data_size=32_000))


def test_a_lost_packet_becomes_silence_so_that_later_times_stay_right() -> None:
    samples = tone(8.0)
    samples[:, : 6 * 16_000] *= 0.1  # a step in loudness at 6 s
    data = bytearray(encoded(samples, "flac", "flac"))
    start = len(data) // 4
    data[start : start + 300] = bytes(300)
    waveform = decode(bytes(data))
    assert codes(waveform) == ["gaps"]
    loud = np.flatnonzero(np.abs(waveform.mono) > 0.1)[0] / 16_000
    assert loud == pytest.approx(6.0, abs=0.01)
    assert waveform.duration == pytest.approx(8.0, abs=0.01)


def test_packets_that_cannot_be_decoded_are_counted_against_the_promise() -> None:
    data = bytearray(encoded(tone(8.0), "mp4", "aac"))
    start = data.index(b"mdat") + len(data) // 3
    data[start : start + 2_000] = b"\xff" * 2_000
    waveform = decode(bytes(data))
    assert codes(waveform) == ["damaged"]
    assert "of 8.1 s" in waveform.notices[0].message
    assert waveform.duration == pytest.approx(8.0, abs=0.2)


def test_a_pause_in_sending_is_kept_as_silence() -> None:
    """As a browser records a call while nobody speaks: a second without packets."""
    file = io.BytesIO()
    with av.open(file, "w", format="webm") as output:
        stream = output.add_stream("libopus", rate=48_000, layout="mono")
        for number in range(150):
            frame = av.AudioFrame.from_ndarray(tone(0.02, 48_000), format="fltp", layout="mono")
            frame.sample_rate = 48_000
            frame.pts = 960 * number
            for packet in stream.encode(frame):
                if number < 50 or number >= 150 - 50:
                    output.mux(packet)
        output.mux(stream.encode(None))
    waveform = decode(file.getvalue())
    assert waveform.duration == pytest.approx(3.0, abs=0.05)
    assert codes(waveform) == ["gaps"]
    assert np.abs(waveform.mono[18_000:30_000]).max() < 0.01


def test_a_clock_that_runs_at_twice_the_speed_is_no_series_of_gaps() -> None:
    """FFmpeg's time stamps of this codec do."""
    waveform = decode(encoded(tone(10.0, 44_100), "wav", "adpcm_ima_wav", 44_100))
    assert waveform.duration == pytest.approx(10.0, abs=0.1)


def test_samples_that_are_no_number_become_zero() -> None:
    samples = tone(1.0)
    samples[0, 100:110] = np.nan
    samples[0, 200] = np.inf
    waveform = decode(encoded(samples, "wav", "pcm_f32le"))
    assert np.isfinite(waveform.samples).all()
    assert codes(waveform) == ["damaged"]


def test_a_rate_that_changes_on_the_way_is_joined_as_one() -> None:
    data = encoded(tone(2.0, 48_000), "adts", "aac", 48_000) + encoded(tone(3.0, 16_000), "adts", "aac", 16_000)
    waveform = decode(data)
    assert waveform.duration == pytest.approx(5.0, abs=0.3)
    assert "format_changed" in codes(waveform)


def test_channels_that_change_on_the_way_are_joined_as_one() -> None:
    data = encoded(tone(2.0, channels=2), "adts", "aac") + encoded(tone(3.0), "adts", "aac")
    waveform = decode(data)
    assert waveform.channels == 2
    assert waveform.duration == pytest.approx(5.0, abs=0.3)
    assert np.abs(waveform.samples[1, -20_000:-5_000]).max() == pytest.approx(0.3, abs=0.05)


@pytest.mark.parametrize("tag_bytes", [100, 3_000_000])
def test_huge_tags_do_not_hide_the_audio(tag_bytes: int) -> None:
    data = with_id3(with_id3(encoded(tone(1.0), "mp3", "libmp3lame"), tag_bytes), 10)
    assert decode(data).duration == pytest.approx(1.0, abs=0.05)


def test_of_several_streams_the_first_is_used_and_that_is_said() -> None:
    waveform = decode(two_streams())
    assert np.abs(waveform.mono).max() > 0.2
    assert codes(waveform) == ["several_streams"]


def test_progress_grows_to_the_total() -> None:
    calls: list[tuple[str, float, float]] = []
    decode(wav(tone(20.0)), hook=lambda *call: calls.append(call))
    stages, done, totals = zip(*calls, strict=True)
    assert set(stages) == {"decode"}
    assert list(done) == sorted(done)
    assert len(calls) > 3
    assert set(totals) == {20.0}
    assert done[-1] == 20.0


def test_a_long_recording_is_joined_in_order() -> None:
    """Longer than one block of ten minutes."""
    seconds = 1_201
    ramp = np.repeat(np.arange(seconds) / seconds, 8_000)[None].astype(np.float32)
    waveform = decode(wav(ramp, 8_000))
    assert waveform.samples.shape == (1, seconds * 16_000)
    assert waveform.mono[8_000::16_000] == pytest.approx(ramp[0, 4_000::8_000], abs=1e-3)


def test_a_limit_on_bytes_names_itself() -> None:
    with pytest.raises(SourceTooLarge, match=r"limit of 1,000 bytes.*max_bytes"):
        decode(wav(tone(1.0)), limits=DecodeLimits(max_bytes=1_000))

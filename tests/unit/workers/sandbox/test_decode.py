"""A recording becomes 16 kHz FLAC in another process, as if it had been decoded here."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from pipeline.audio import decode, probe
from pipeline.errors import AudioTooLong, EmptyFile, SourceTooLarge, TooManyChannels
from pipeline.options import DecodeLimits
from pipeline.types import FloatArray
from tests.conftest import REPOSITORY
from tests.unit.pipeline.audio.recordings import encoded, tone, wav
from workers.sandbox.decode import Decoded, decode_in_sandbox
from workers.sandbox.limits import SandboxLimits
from workers.sandbox.stored_audio import read_flac

STEP = 1 / 2**15


def decoded(data: bytes, folder: Path, limits: DecodeLimits | None = None, channels: str = "auto") -> Decoded:
    source = folder / "upload"
    source.write_bytes(data)
    return decode_in_sandbox(
        source,
        folder,
        name="a call.wav",
        limits=SandboxLimits(decode=limits or DecodeLimits()),
        channels=channels,  # type: ignore[arg-type]
    )


def voices(channels: int, seconds: float = 2.0) -> FloatArray:
    """A different tone on every channel."""
    return np.concatenate([tone(seconds, frequency=200.0 + 100 * number) for number in range(channels)])


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 6, 7, 8])
def test_every_number_of_channels_is_kept_in_order_and_to_the_last_bit(tmp_path: Path, channels: int) -> None:
    data = wav(voices(channels))
    found = decoded(data, tmp_path)
    assert (found.channels, found.seconds, found.notices) == (channels, 2.0, ())
    back = read_flac(found.flac, name="a", notices=found.notices)
    assert np.array_equal(back.samples, decode(data).samples)


@pytest.mark.parametrize(("container", "codec"), [("mp3", "libmp3lame"), ("ogg", "libopus"), ("mp4", "aac")])
def test_samples_differ_from_a_direct_decode_by_half_a_step_at_most(tmp_path: Path, container: str, codec: str) -> None:
    data = encoded(voices(2, 6.0), container, codec, rate=48_000)
    found = decoded(data, tmp_path)
    direct = decode(data)
    back = read_flac(found.flac, name="a", notices=found.notices)
    assert back.samples.shape == direct.samples.shape
    assert np.abs(back.samples - direct.samples).max() <= STEP / 2
    assert back.notices == direct.notices


def test_what_was_found_is_told(tmp_path: Path) -> None:
    data = wav(tone(1.0, rate=8_000), 8_000)
    found = decoded(data, tmp_path)
    assert found.media == asdict(probe(data, uri="a call.wav"))
    assert found.flac == tmp_path / "audio.flac"
    assert found.bytes == found.flac.stat().st_size
    assert found.sha256 == hashlib.sha256(found.flac.read_bytes()).hexdigest()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["audio.flac", "upload"]


def test_notices_of_decoding_come_along_and_stay_when_the_audio_is_read_back(tmp_path: Path) -> None:
    data = wav(tone(2.0))[:40_000]
    found = decoded(data, tmp_path)
    direct = decode(data)
    assert [notice.code for notice in found.notices] == ["truncated"]
    assert found.notices == direct.notices
    back = read_flac(found.flac, name="a call", notices=found.notices)
    assert (back.notices, back.uri) == (direct.notices, "a_call")


def test_progress_grows_to_the_length(tmp_path: Path) -> None:
    source = tmp_path / "upload"
    source.write_bytes(wav(tone(30.0)))
    seen: list[tuple[float, float]] = []
    decode_in_sandbox(source, tmp_path, name="a", progress=lambda done, total: seen.append((done, total)))
    assert len(seen) > 5
    assert seen == sorted(seen)
    assert seen[-1] == (30.0, 30.0)


@pytest.mark.parametrize(
    ("data", "limits", "error"),
    [
        (b"", DecodeLimits(), EmptyFile),
        (wav(tone(3.0)), DecodeLimits(max_seconds=2.0), AudioTooLong),
        (wav(tone(3.0)), DecodeLimits(max_bytes=1_000), SourceTooLarge),
        (wav(voices(3)), DecodeLimits(max_channels=2), TooManyChannels),
    ],
    ids=["empty", "too long", "too large", "too many channels"],
)
def test_a_refusal_has_the_words_of_a_direct_decode_and_leaves_nothing(
    tmp_path: Path, data: bytes, limits: DecodeLimits, error: type[Exception]
) -> None:
    with pytest.raises(error) as direct:
        decode(data, limits=limits)
    with pytest.raises(error) as caught:
        decoded(data, tmp_path, limits)
    assert str(caught.value) == str(direct.value)
    assert [path.name for path in tmp_path.iterdir()] == ["upload"]


@pytest.mark.parametrize("policy", ["auto", "mix"])
def test_more_channels_than_flac_holds_are_mixed_and_that_is_said(tmp_path: Path, policy: str) -> None:
    found = decoded(wav(np.repeat(tone(2.0), 12, axis=0)), tmp_path, channels=policy)
    assert (found.channels, found.media["channels"]) == (1, 12)
    assert [notice.code for notice in found.notices] == ["mixed_down"]
    back = read_flac(found.flac, name="a", notices=())
    assert np.abs(back.samples - tone(2.0)).max() <= 2 * STEP


def test_more_channels_than_can_be_kept_apart_are_refused_where_they_must_be(tmp_path: Path) -> None:
    with pytest.raises(TooManyChannels, match="9 channels, of which no more than 8 can be kept apart"):
        decoded(wav(voices(9)), tmp_path, channels="separate")


def test_the_process_loads_no_more_than_it_runs_on() -> None:
    script = "import sys, workers.sandbox.child as _; print(sorted({'torch', 'pydantic', 'scipy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert done.stdout.strip() == "[]"


def test_the_worker_loads_no_decoder() -> None:
    script = "import sys, workers.sandbox.decode as _; print(sorted({'av', 'soxr', 'torch'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert done.stdout.strip() == "[]"


def test_two_workers_with_one_folder_do_not_write_into_each_others_file(tmp_path: Path) -> None:
    source = tmp_path / "upload"
    source.write_bytes(wav(tone(20.0)))
    inner: list[Decoded] = []

    def decode_again(_done: float, _total: float) -> None:
        if not inner:
            inner.append(decode_in_sandbox(source, tmp_path, name="a"))

    outer = decode_in_sandbox(source, tmp_path, name="a", progress=decode_again)
    assert inner == [outer]
    assert outer.sha256 == hashlib.sha256(outer.flac.read_bytes()).hexdigest()

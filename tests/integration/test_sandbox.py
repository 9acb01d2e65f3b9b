"""Every file of the hard set through the sandbox: the same result, or the same refusal, as decoded here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.asr.faster_whisper import FasterWhisper
from pipeline.asr.recognition import Recognizer
from pipeline.audio import decode, downmix
from pipeline.errors import AudioError, UnsupportedFormat
from pipeline.models import ModelStore
from pipeline.options import AsrOptions
from pipeline.types import Segment
from pipeline.waveform import Waveform
from tests.unit.pipeline.audio.recordings import encoded, tone, wav
from workers.sandbox.decode import Decoded, decode_in_sandbox
from workers.sandbox.stored_audio import read_flac

HALF_STEP = 2.0**-16
FULL_SCALE = 1 - 2.0**-15
CANARY = tone(1.0, frequency=1_234.0)


def refusal_or(decoding: Callable[[], Waveform | Decoded]) -> tuple[str, str] | Waveform | Decoded:
    try:
        return decoding()
    except AudioError as error:
        return error.slug, str(error)


@pytest.mark.corpus
def test_every_hard_file_is_taken_as_by_a_direct_decode(corpus: Path, tmp_path: Path) -> None:
    entries = json.loads((corpus / "hard" / "HARD.json").read_text(encoding="utf-8"))["files"]
    assert len(entries) > 50
    wrong = [line for entry in entries if (line := difference(corpus / entry["file"], tmp_path))]
    assert wrong == []


def difference(path: Path, folder: Path) -> str:
    """What the sandbox does differently with a file; nothing if nothing."""
    direct = refusal_or(lambda: decode(path))
    found = refusal_or(lambda: decode_in_sandbox(path, folder, name=path.name.rpartition(".")[0] or path.name))
    if not isinstance(direct, Waveform) or not isinstance(found, Decoded):
        return "" if found == direct else f"{path.name}: {found} instead of {direct}"
    back = read_flac(found.flac, name=path.name.rpartition(".")[0] or path.name, notices=found.notices)
    if (back.notices, back.uri, back.samples.shape) != (direct.notices, direct.uri, direct.samples.shape):
        return f"{path.name}: {back} instead of {direct}"
    if (found.seconds, found.channels) != (direct.duration, direct.channels):
        return f"{path.name}: {found}"
    error = float(np.abs(back.samples - np.clip(direct.samples, -1, FULL_SCALE)).max())
    return f"{path.name}: off by {error}" if error > HALF_STEP else ""


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\nfile://{folder}/canary.ts\n#EXT-X-ENDLIST\n",
    "hls_relative": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\ncanary.ts\n#EXT-X-ENDLIST\n",
    "ffconcat": "ffconcat version 1.0\nfile '{folder}/canary.wav'\n",
    "ffconcat_relative": "ffconcat version 1.0\nfile canary.wav\n",
    "ffconcat_protocol": "ffconcat version 1.0\nfile 'concat:{folder}/canary.wav'\n",
    "pls": "[playlist]\nFile1={folder}/canary.wav\nNumberOfEntries=1\n",
    "smil": '<smil><body><audio src="{folder}/canary.wav"/></body></smil>',
}


@pytest.mark.parametrize("kind", sorted(PLAYLISTS))
def test_a_playlist_reads_nothing(tmp_path: Path, kind: str) -> None:
    (tmp_path / "canary.wav").write_bytes(wav(CANARY))
    (tmp_path / "canary.ts").write_bytes(encoded(CANARY, "mpegts", "aac"))
    upload = tmp_path / "recording.wav"
    upload.write_text(PLAYLISTS[kind].format(folder=tmp_path), encoding="utf-8")
    into = tmp_path / "into"
    into.mkdir()
    with pytest.raises(UnsupportedFormat, match="playlist"):
        decode_in_sandbox(upload, into, name="a")
    assert list(into.iterdir()) == []


def test_a_canary_that_is_sent_itself_is_heard(tmp_path: Path) -> None:
    """Without this the test above could not fail."""
    upload = tmp_path / "canary.ts"
    upload.write_bytes(encoded(CANARY, "mpegts", "aac"))
    assert decode_in_sandbox(upload, tmp_path, name="a").seconds == pytest.approx(1.0, abs=0.1)


@pytest.mark.corpus
@pytest.mark.weights
def test_a_recording_has_the_same_words_from_the_sandbox(corpus: Path, tmp_path: Path, store: ModelStore) -> None:
    recognizer = Recognizer(FasterWhisper.from_pretrained(store, threads=1), AsrOptions(language="en"))
    path = corpus / "hard" / "speech.opus"
    found = decode_in_sandbox(path, tmp_path, name="a")
    back = read_flac(found.flac, name="a", notices=found.notices)
    direct, stored = (
        recognizer(downmix(waveform), [Segment(0.0, waveform.duration)]) for waveform in (decode(path), back)
    )
    assert len(direct.words) > 10
    assert [word.text for word in stored.words] == [word.text for word in direct.words]

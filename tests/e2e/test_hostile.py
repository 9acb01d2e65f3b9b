"""Recordings that are none, or odd ones, and names that are traps: each ends as the catalogue says."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from api.options import LONGEST_NAME
from api.storage import recording_prefix
from api.tables import attempts
from tests.e2e.customer import Customer, slug
from tests.e2e.places import objects
from tests.e2e.recordings import silence

if TYPE_CHECKING:
    from api.bootstrap import Service

REFUSED = {
    "channels_zero.wav": "corrupt-media",
    "empty.wav": "empty-file",
    "empty_0samples.wav": "audio-too-short",
    "header_only.wav": "corrupt-media",
    "html.mp3": "unsupported-format",
    "random.wav": "unsupported-format",
    "rate_zero.wav": "corrupt-media",
    "riff_garbage.wav": "corrupt-media",
    "short_1sample.wav": "audio-too-short",
    "short_50ms.wav": "audio-too-short",
    "text.wav": "unsupported-format",
    "video_no_audio.mp4": "no-audio-stream",
}
WARNED = {
    "corrupt.mp3": ["format_changed", "damaged"],
    "pcm24_48k.wav": ["dual_mono"],
    "stereo_antiphase.flac": ["antiphase"],
    "stereo_one_side.flac": ["silent_channel"],
    "truncated.flac": ["truncated"],
    "truncated.wav": ["truncated"],
}
SENTENCE = ["you", "have", "done", "quite", "right", "in", "introducing", "such", "a", "person", "to", "us"]
HEARD = 0.25
"""Share of its words that a small recognizer hears at least, with noise as loud as the speech."""


@pytest.mark.corpus
@pytest.mark.weights
def test_every_hard_file_ends_in_its_error_or_in_a_result_with_its_warnings(
    customer: Customer, service: Service, corpus: Path
) -> None:
    entries = json.loads((corpus / "hard" / "HARD.json").read_text(encoding="utf-8"))["files"]
    assert len(entries) > 50
    # All at once: the models are busy while the next are decoded.
    sent = [(entry, customer.client.submit_file(corpus / entry["file"])) for entry in entries]
    ends = {job["id"]: job for job in map(customer.client.wait, [told["job"]["id"] for _, told in sent])}
    wrong = [
        line
        for entry, told in sent
        if (line := judge(customer, entry, told["recording"]["id"], ends[told["job"]["id"]]))
    ]
    assert wrong == []
    with service.database.tenant(customer.tenant_id) as connection:
        outcomes = set(connection.execute(select(attempts.c.outcome)).scalars())
    # None of them was tried twice, and none took its worker with it.
    assert outcomes == {"handed_on", "failed", "succeeded"}


def judge(customer: Customer, entry: Mapping[str, Any], recording: str, job: Mapping[str, Any]) -> str:
    """What is wrong with how a file ended; nothing if nothing is."""
    name = entry["file"].removeprefix("hard/")
    refused = job["error"] and job["error"]["type"]
    if refused != REFUSED.get(name):
        return f"{name}: {refused} instead of {REFUSED.get(name)}"
    if refused:
        return "" if job["state"] == "failed" and job["error"]["detail"] else f"{name}: {job}"
    transcript = json.loads(customer.client.transcript(recording))
    warnings = [warning["code"] for warning in transcript["warnings"]]
    if warnings != WARNED.get(name, []):
        return f"{name}: warnings {warnings} instead of {WARNED.get(name, [])}"
    said = re.findall(r"[a-z]+", customer.client.transcript(recording, "txt").decode().lower())
    if entry["expect"] == "no words":
        return f"{name}: hears {said}" if said else ""
    heard = sum(word in said for word in SENTENCE) / len(SENTENCE)
    # Of what was cut off the beginning is enough.
    enough = bool(said) if "text" not in entry else heard >= HEARD
    return "" if enough else f"{name}: hears {said}"


NAMES = {
    "../../etc/passwd": "../../etc/passwd",
    "-i": "-i",
    "<script>alert(1)</script>.wav": "<script>alert(1)</script>.wav",
    "a\x00b\r\nX-Injected: 1.wav": "a b X-Injected: 1.wav",
    "n" * 300: "n" * LONGEST_NAME,
    "'; DROP TABLE recordings; --": "'; DROP TABLE recordings; --",
    "$(touch /tmp/x) `id` %s %n {0}": "$(touch /tmp/x) `id` %s %n {0}",
    "😀 日本.wav": "😀 日本.wav",
    "\x00": "recording",
}
"""Names, and how they are shown."""


@pytest.mark.weights
def test_names_are_text_for_people_and_nothing_else(customer: Customer, service: Service, tmp_path: Path) -> None:
    content = silence(tmp_path / "silence.wav", 1.0).read_bytes()
    sent = {name: customer.upload("upload", content, name=name).json() for name in NAMES}
    # In the header of a form, too, where HTTP lets them stand.
    sent |= {f"{name} ": customer.upload(f"{name} ", content).json() for name in ("../../etc/passwd", "-i")}
    half_a_character = customer.upload("upload", content, name="\ud83d.wav")
    assert (half_a_character.status_code, slug(half_a_character)) == (400, "malformed-json")
    for name, told in sent.items():
        job = customer.client.wait(told["job"]["id"])
        assert (job["state"], job["error"]) == ("succeeded", None), name
        assert told["recording"]["name"] == NAMES.get(name, name.strip())
        answer = customer.http.get(told["job"]["links"]["recording"] + "/transcript", params={"format": "srt"})
        assert answer.status_code == 200
        assert re.fullmatch(
            r"attachment; filename=\"[\w .()-]+\"; filename\*=UTF-8''[\w.()%-]+",
            answer.headers["content-disposition"],
            re.ASCII,
        )
        assert "x-injected" not in answer.headers
    prefix = recording_prefix(customer.tenant_id, told["recording"]["id"]).split(told["recording"]["id"])[0]
    keys = [key for key, _ in objects(service.settings) if key.startswith(prefix)]
    assert len(keys) > 5 * len(sent)
    assert [key for key in keys if not re.fullmatch(r"[a-z0-9_/.-]+", key) or ".." in key] == []


@contextmanager
def bait() -> Iterator[tuple[str, list[str]]]:
    """A web server, and what it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, name="bait", daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


def playlists(file: Path, host: str) -> dict[str, str]:
    """Files that have a decoder read other files, by the names under which they come."""
    hls = "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-TARGETDURATION:10\n#EXTINF:10.0,\n{}\n#EXT-X-ENDLIST\n"
    return {
        "list.wav": f"ffconcat version 1.0\nfile '{file}'\n",
        "list.ffconcat": f"ffconcat version 1.0\nfile file:{file}\nfile http://{host}/a.wav\n",
        "hls.wav": hls.format(f"file://{file}"),
        "hls.m3u8": hls.format(f"http://{host}/b.wav"),
        "concat.m3u8": hls.format(f"concat:http://{host}/c.txt|file://{file}"),
        "call.sdp": f"v=0\no=- 0 0 IN IP4 {host}\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
        "smil.mp3": f'<smil><body><audio src="http://{host}/d.wav"/></body></smil>\n',
        "dash.mpd": f'<?xml version="1.0"?><MPD><BaseURL>http://{host}/e.wav</BaseURL></MPD>\n',
        "list.m3u": f"{file}\nhttp://{host}/f.wav\n",
        "list.pls": f"[playlist]\nFile1={file}\nFile2=http://{host}/g.wav\n",
    }


@pytest.mark.weights
def test_playlists_read_nothing(customer: Customer, tmp_path: Path) -> None:
    """Neither from this machine nor from the network: a decoder that may would hand files of the worker to anybody."""
    canary, control = (silence(tmp_path / name, 2.0) for name in ("canary.wav", "control.wav"))
    for file in (canary, control):
        # The kernel notes the first reading after a change, on file systems that note any.
        os.utime(file, (0, 1))
    with bait() as (host, asked):
        sent = {name: customer.upload(name, text.encode()) for name, text in playlists(canary, host).items()}
        ends = {name: customer.client.wait(answer.json()["job"]["id"]) for name, answer in sent.items()}
    assert {name: job["error"] and job["error"]["type"] for name, job in ends.items()} == dict.fromkeys(
        sent, "unsupported-format"
    )
    assert asked == []
    control.read_bytes()
    assert (canary.stat().st_atime == 0) or (control.stat().st_atime == 0)

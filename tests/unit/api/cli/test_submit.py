from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.api.cli.conftest import Cli, Serve
from tests.unit.api.client.service import JOB_ID, event, job, problem, stream, submitted
from tests.unit.api.client.test_submitting import options_in

ACCEPTED = httpx.Response(202, json=submitted())

TEXT = httpx.Response(200, content="1\nSPEAKER_00: Grüße\n".encode())


def done() -> httpx.Response:
    return stream(event("progress", job("running", 0.5)), event("end", job("succeeded", 1.0)))


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_the_id_of_the_job_is_printed_for_scripts_and_the_rest_for_people(cli: Cli, serve: Serve, talk: Path) -> None:
    serve(ACCEPTED)
    result = cli("submit", talk)
    assert (result.code, result.out, result.err) == (0, f"{JOB_ID}\n", f"{talk}: submitted\n")
    assert cli("submit", talk, "--quiet").err == ""


def test_options_arrive_and_those_not_given_are_left_to_the_service(cli: Cli, serve: Serve, talk: Path) -> None:
    service = serve(ACCEPTED)
    given = {
        "model": "whisper-tiny.en",
        "language": "en",
        "task": "translate",
        "num_speakers": 2,
        "strict": True,
        "channels": "separate",
        "prompt": "A call.",
        "vocabulary": ["Hansard", "diarization"],
        "priority": "backfill",
        "metadata": {"case": "7", "note": "a=b"},
        "callback_endpoints": [JOB_ID],
        "name": "the talk",
    }
    words = "--model whisper-tiny.en --language EN --task translate --num-speakers 2 --strict --channels separate "
    words += "--hint Hansard --hint diarization --priority backfill --metadata case=7 --metadata note=a=b "
    words += f"--endpoint {JOB_ID}"
    result = cli("submit", talk, *words.split(), "--prompt", "A call.", "--name", "the talk", "--idempotency-key", "k")
    assert result.code == 0, result.err
    assert options_in(service.requests[0]) == given
    assert service.requests[0].headers["idempotency-key"] == "k"
    cli("submit", talk)
    assert options_in(service.requests[1]) == {"name": "talk.wav"}


def test_addresses_are_left_to_the_service_to_fetch(cli: Cli, serve: Serve) -> None:
    service = serve(ACCEPTED)
    assert cli("submit", "https://example.com/a%20b.wav?x=1", "s3://bucket/key").code == 0
    assert [json.loads(request.content)["url"] for request in service.requests] == [
        "https://example.com/a%20b.wav?x=1",
        "s3://bucket/key",
    ]


def test_a_transcript_is_waited_for_and_printed(cli: Cli, serve: Serve, talk: Path) -> None:
    service = serve(ACCEPTED, done(), TEXT)
    result = cli("submit", talk, "--wait", "--format", "srt")
    assert (result.code, result.out) == (0, "1\nSPEAKER_00: Grüße\n")
    assert result.err == f"{talk}: submitted\n{talk}: succeeded\n"
    assert service.asked[2].endswith("/transcript?format=srt")


def test_a_transcript_goes_into_the_file_or_the_folder_that_is_named(
    cli: Cli, serve: Serve, talk: Path, tmp_path: Path
) -> None:
    serve(ACCEPTED, done(), TEXT)
    assert cli("submit", talk, "-o", tmp_path / "said.txt").out == ""
    assert (tmp_path / "said.txt").read_bytes() == TEXT.content
    serve(ACCEPTED, done(), TEXT)
    assert cli("submit", talk, "-f", "srt,rttm", "-o", tmp_path / "new" / "folder").code == 0
    assert {path.name for path in (tmp_path / "new" / "folder").iterdir()} == {"talk.srt", "talk.rttm"}


def test_a_picture_goes_into_a_file_or_a_pipe_as_it_is(cli: Cli, serve: Serve, talk: Path, tmp_path: Path) -> None:
    picture = httpx.Response(200, content=b"\x89PNG\r\n\x1a\n...IEND")
    service = serve(ACCEPTED, done(), picture)
    assert cli("submit", talk, "-f", "png", "-o", tmp_path / "talk.png").code == 0
    assert (tmp_path / "talk.png").read_bytes() == picture.content
    assert service.asked[2].endswith("/transcript?format=png")
    serve(ACCEPTED, done(), httpx.Response(200, content=b"<svg/>"))
    assert cli("submit", talk, "-f", "svg").out == "<svg/>"


@pytest.mark.parametrize("name", ["png", "svg"])
def test_a_picture_is_not_written_to_a_terminal(
    name: str, cli: Cli, serve: Serve, talk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = serve(ACCEPTED, done(), TEXT)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    result = cli("submit", talk, "-f", name)
    assert result.code == 2
    assert "a picture cannot be shown on a terminal" in result.err
    assert service.requests == []


def test_several_recordings_are_followed_together(cli: Cli, serve: Serve, talk: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "talk.wav"
    other.parent.mkdir()
    other.write_bytes(b"RIFF")
    first, second = (httpx.Response(202, json=submitted(ident=ident)) for ident in ("a", "b"))
    states = [job("running", 0.5, "a"), job("failed", 0.5, "b"), job("succeeded", 1.0, "a")]
    serve(first, second, *(httpx.Response(200, json=state) for state in states), TEXT)
    result = cli("submit", tmp_path, "-o", tmp_path / "out")
    assert result.code == 1
    assert f"{other}: failed: nobody speaks [no-speech]" in result.err
    assert f"{talk}: succeeded" in result.err
    (written,) = (tmp_path / "out").iterdir()
    assert written.read_bytes() == TEXT.content


def test_one_bad_recording_stops_no_other(cli: Cli, serve: Serve, talk: Path, tmp_path: Path) -> None:
    serve(problem("payload-too-large", 413, "the file is larger than the limit"), ACCEPTED)
    result = cli("submit", tmp_path / "absent.wav", talk, "https://example.com/x")
    assert (result.code, result.out) == (1, f"{JOB_ID}\n")
    assert "absent.wav (No such file or directory) [source-not-found]" in result.err
    assert f"{talk}: failed: the file is larger than the limit [payload-too-large]" in result.err


def test_where_no_other_would_fare_better_the_rest_is_not_tried(cli: Cli, serve: Serve, talk: Path) -> None:
    service = serve(problem("invalid-api-key", 401))
    result = cli("submit", talk, "https://example.com/x")
    assert result.code == 1
    assert "[invalid-api-key]" in result.err
    assert len(service.requests) == 1


def test_programs_get_an_object_for_each_recording(cli: Cli, serve: Serve, talk: Path, tmp_path: Path) -> None:
    serve(problem("url-not-allowed", 422), ACCEPTED)
    result = cli("submit", "https://127.0.0.1/x", tmp_path / "absent.wav", "--json")
    absent, refused = lines(result.out)
    assert absent["error"]["type"] == "source-not-found"
    assert refused["error"] == {
        "type": "url-not-allowed",
        "detail": "what and why",
        "status": 422,
        "request_id": "r-1",
    }
    serve(ACCEPTED, stream(event("end", job("failed"))))
    result = cli("submit", talk, "--json", "--wait")
    (failed,) = lines(result.out)
    assert result.code == 1
    assert (failed["source"], failed["recording"]["name"], failed["job"]["state"]) == (str(talk), "talk.wav", "failed")


def test_ctrl_c_while_waiting_tells_how_to_go_on(cli: Cli, serve: Serve, talk: Path) -> None:
    def interrupt(_: httpx.Request) -> httpx.Response:
        raise KeyboardInterrupt

    serve(ACCEPTED, interrupt)
    result = cli("submit", talk, "--wait")
    assert (result.code, result.out) == (130, f"{JOB_ID}\n")
    assert f"hansard jobs watch {JOB_ID}" in result.err


def test_what_was_submitted_is_told_when_the_service_goes_away(cli: Cli, serve: Serve, talk: Path) -> None:
    serve(ACCEPTED, httpx.ConnectError("down"))
    result = cli("submit", talk, "https://example.com/x", "--wait")
    assert result.code == 1
    assert f"hansard jobs watch {JOB_ID}" in result.err
    assert "[api-unreachable]" in result.err


@pytest.mark.parametrize(
    "words",
    [
        ["-"],
        ["a.wav", "b.wav", "--name", "x"],
        ["a.wav", "b.wav", "--idempotency-key", "x"],
        ["a.wav", "-f", "docx"],
        ["a.wav", "-f", ","],
        ["a.wav", "-f", "srt,vtt"],
        ["a.wav", "-f", "srt", "--json"],
        ["a.wav", "-o", "/nowhere/at/all.txt"],
        ["a.wav", "--metadata", "novalue"],
        ["a.wav", "--metadata", "=x"],
        ["a.wav", "--priority", "now"],
        ["https://[::1"],
        [],
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_sent(words: list[str], cli: Cli, serve: Serve) -> None:
    service = serve(ACCEPTED)
    assert cli("submit", *words).code == 2
    assert service.requests == []


def test_a_transcript_never_replaces_its_recording(cli: Cli, serve: Serve, talk: Path) -> None:
    serve(ACCEPTED)
    assert cli("submit", talk, "-o", talk).code == 2
    assert talk.read_bytes() == b"RIFF"


def test_a_name_that_is_no_text_is_shown_and_printed(cli: Cli, serve: Serve, tmp_path: Path) -> None:
    odd = tmp_path / "\x1b[2J\udcff.wav"
    odd.write_bytes(b"RIFF")
    serve(ACCEPTED)
    assert "\x1b" not in cli("submit", odd).err
    (told,) = lines(cli("submit", odd, "--json").out)
    assert told["job"]["id"] == JOB_ID

from __future__ import annotations

import io

import pytest
from rich.console import Console

from api.cli.progress import Bars, Lines, remaining
from tests.unit.api.client.service import job


def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=120, color_system=None)


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_bar_follows_a_recording_from_its_upload_to_its_end() -> None:
    console = terminal()
    with Bars(console) as bars:
        for label in ("a.wav", "b.wav"):
            bars.upload(label, 25, 100)
            bars.job(label, job("awaiting_upload"))
        bars.job("a.wav", job("running", 0.5))
        bars.say("b.wav: failed", failed=True)
        bars._progress.refresh()
    text = written(console)
    for words in ("a.wav", "b.wav", "awaiting upload", "asr", "50%", "1:05 left", "b.wav: failed\n"):
        assert words in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")


def test_bars_show_names_as_they_are_and_leave_standard_output_alone(capsys: pytest.CaptureFixture[str]) -> None:
    console = terminal()
    with Bars(console) as bars:
        bars.upload("[red]{x}\x1b[2J.wav", 1, 2)
        bars.say("[bold]x")
        print("result")
    assert "[red]{x}\N{REPLACEMENT CHARACTER}[2J.wav" in written(console)
    assert "[bold]x" in written(console)
    assert capsys.readouterr().out == "result\n"


def test_lines_say_what_is_done_and_quiet_ones_what_failed(capsys: pytest.CaptureFixture[str]) -> None:
    for quiet in (False, True):
        with Lines(quiet=quiet) as shown:
            shown.upload("a.wav", 1, 2)
            shown.job("a.wav", job())
            shown.say("done")
            shown.say("failed", failed=True)
    assert capsys.readouterr().err.split() == ["done", "failed", "failed"]


def test_the_rest_is_told_in_minutes() -> None:
    assert [remaining(seconds) for seconds in (None, 0.4, 65.0, 3700)] == ["", "0:00 left", "1:05 left", "61:40 left"]

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress

from pipeline.cli.batch import Outcome, Report, Status
from pipeline.cli.downloads import DownloadBars, DownloadLines
from pipeline.cli.progress import Bars, StageBars
from pipeline.cli.recordings import Recording
from pipeline.cli.summary import clock, sentence

TALK = Recording(Path("talk.wav"), "talk")


def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=120, color_system=None)


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_terminal_shows_a_bar_for_each_stage() -> None:
    console = terminal()
    bars = Bars(console)
    with bars.watch(TALK, 2, 3) as hook:
        hook("asr", 0.0, 30.0)
        hook("asr", 15.0, 30.0)
        hook("segmentation", 30.0, 30.0)
    bars.end(Outcome(recording=TALK, status=Status.DONE, report=Report(artefacts={}, seconds=30.0), elapsed=2.0))
    text = written(console)
    assert "[2/3] talk" in text
    assert "asr" in text
    assert "50%" in text
    assert "segmentation" in text
    assert "talk.wav: done, 30.0 s of audio in 2.0 s (15.0x)" in text


def test_bar_never_goes_back() -> None:
    """A stage that begins again, for another channel, or whose total grows, leaves its bar where it is."""
    progress = Progress()
    bars = StageBars(progress, "talk")
    for done, total in ((10.0, 20.0), (0.0, 20.0), (12.0, 40.0), (30.0, 40.0), (0.0, 0.0)):
        bars("asr", done, total)
        (task,) = progress.tasks
        assert task.percentage >= 50
    assert task.percentage == 75


def test_names_are_shown_as_they_are() -> None:
    """Neither as markup nor as a format."""
    console = terminal()
    odd = Recording(Path("[red]{talk}.wav"), "[red]{talk}")
    bars = Bars(console)
    with bars.watch(odd, 1, 1) as hook:
        hook("asr", 1.0, 1.0)
    outcome = Outcome(recording=odd, status=Status.FAILED, error="[bold]no[/bold]")
    bars.end(outcome)
    bars.close([outcome, outcome])
    assert written(console).count("[red]{talk}") >= 4
    assert "[bold]no[/bold]" in written(console)


def test_bars_leave_standard_output_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """What is sent to a file goes there, also while a terminal shows bars."""
    with Bars(terminal()).watch(TALK, 1, 1) as hook:
        hook("asr", 1.0, 2.0)
        print("result")
    assert capsys.readouterr().out == "result\n"


def test_interruption_gives_the_terminal_back() -> None:
    """The cursor that the bars hid is shown again."""
    console = terminal()
    with pytest.raises(KeyboardInterrupt), Bars(console).watch(TALK, 1, 1):
        raise KeyboardInterrupt
    assert written(console).rindex("\x1b[?25h") > written(console).rindex("\x1b[?25l")


def test_download_bar_goes_once_everything_is_here() -> None:
    console = terminal()
    bars = DownloadBars(console)
    for done in (0, 5_000_000, 10_000_000):
        bars("campplus", done, 10_000_000)
    bars("ecapa", 1, None)
    bars("ecapa", 2, 2)
    text = written(console)
    assert "fetching campplus" in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")


def test_piped_download_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    lines = DownloadLines()
    lines("campplus", 0, 28_000_000)
    lines("campplus", 28_000_000, 28_000_000)
    lines("hub-model", 0, None)
    assert capsys.readouterr().err.splitlines() == ["fetching campplus (28 MB)", "fetching hub-model"]


def test_sentence_counts_in_the_singular() -> None:
    report = Report(artefacts={}, seconds=1.0, speakers=1, words=1)
    outcome = Outcome(recording=TALK, status=Status.DONE, report=report, elapsed=0.5)
    assert sentence(outcome) == "talk.wav: done, 1.0 s of audio in 0.5 s (2.0x), 1 speaker, 1 word"


def test_clock_shows_hours_only_where_there_are_some() -> None:
    assert [clock(seconds) for seconds in (0.4, 59.6, 3599, 3661)] == ["0:00", "1:00", "59:59", "1:01:01"]

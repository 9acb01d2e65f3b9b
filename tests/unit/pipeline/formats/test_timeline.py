from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace
from io import BytesIO
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex
from matplotlib.image import imread

from pipeline.errors import MissingDependency
from pipeline.formats import timeline
from pipeline.formats.timeline import TimelineOptions
from pipeline.formats.timeline_page import COLOURS, light
from pipeline.types import Diarization, DroppedSpan, Notice, Segment, Transcript
from tests.unit.pipeline.formats.examples import CONVERSATION, said, transcript, turn
from tests.unit.pipeline.strategies import transcripts


def texts(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def spans(axes: Axes, colour: str) -> list[tuple[float, float]]:
    """Start and end of the bars of a colour, in order."""
    found = []
    for bars in axes.collections:
        faces = np.atleast_2d(np.asarray(bars.get_facecolor(), dtype=float))
        if isinstance(bars, PolyCollection) and to_hex(tuple(faces[0])) == colour.lower():
            corners = [np.asarray(path.vertices, dtype=float)[:, 0] for path in bars.get_paths()]
            found += [(float(across.min()), float(across.max())) for across in corners]
    return sorted(found)


def test_each_speaker_has_a_row_with_name_and_share() -> None:
    (axes,) = timeline.draw(transcript(turns=[turn(0, 3), turn(3, 4, "SPEAKER_01")])).axes
    assert texts(axes) == ["75%", "SPEAKER_00", "25%", "SPEAKER_01"]


def test_who_holds_the_floor_has_the_full_colour_and_others_a_light_one() -> None:
    whole = transcript(turns=[turn(0, 3), turn(2, 4, "B")], exclusive=[turn(0, 3), turn(3, 4, "B")])
    (axes,) = timeline.draw(whole).axes
    assert spans(axes, COLOURS[1]) == [(3, 4)]
    assert spans(axes, light(COLOURS[1])) == [(2, 4)]


def test_overlap_is_a_band_across_all_rows() -> None:
    whole = transcript(turns=[turn(0, 3), turn(2, 4, "B")])
    (axes,) = timeline.draw(whole).axes
    (band,) = axes.patches
    assert band.get_extents().transformed(axes.transData.inverted()).intervalx == pytest.approx([2, 3])


def test_what_is_said_stands_in_short_recordings() -> None:
    whole = transcript([said("Hello there", 1.0, 2.0)], [turn(1.0, 2.0)])
    assert "Hello there" in texts(timeline.draw(whole).axes[0])
    assert "Hello there" not in texts(timeline.draw(replace(whole, duration=200.0)).axes[0])
    assert "Hello there" not in texts(timeline.draw(whole, TimelineOptions(text=False)).axes[0])


def test_dropped_text_is_marked_and_speech_is_a_line() -> None:
    gone = DroppedSpan(start=10.0, end=12.0, text="Thanks for watching!", reason="no_speech")
    whole = replace(transcript(turns=[turn(0, 3)]), dropped=(gone,), speech=(Segment(0, 3),))
    (axes,) = timeline.draw(whole).axes
    assert [list(np.asarray(line.get_xdata())) for line in axes.lines if line.get_marker() == "x"] == [[11.0]]


def test_warnings_stand_below_and_the_rest_is_counted() -> None:
    notices = tuple(Notice(f"code{number}", f"Warning {number}.") for number in range(5))
    written = [text.get_text() for text in timeline.draw(replace(transcript(), notices=notices)).texts]
    assert "! Warning 0." in written
    assert "and 2 more warnings" in written


def test_an_hour_has_hours_on_its_axis() -> None:
    axes = timeline.draw(transcript(turns=[turn(0, 3)], duration=7200.0)).axes
    assert len(axes) == 8
    assert axes[1].get_xticklabels()[0].get_text() == "0:16:00"


def test_an_empty_transcript_is_drawn() -> None:
    figure = timeline.draw(transcript(uri="", duration=0.0))
    assert [text.get_text() for text in figure.texts] == [
        "Who speaks when",
        "0:00   ·   nobody speaks   ·   language en",
    ]
    assert figure.legends == []


def test_dollar_signs_are_text_and_not_mathematics() -> None:
    whole = transcript([said("$x $", 1.0, 2.0, "$a$")], [turn(1.0, 2.0, "$a$")], uri="$_$")
    assert len(timeline.png(whole)) > 1000


def test_the_png_is_thirteen_inches_wide() -> None:
    picture = imread(BytesIO(timeline.png(CONVERSATION, TimelineOptions(dpi=50))))
    assert picture.shape[1] == 650


def test_the_svg_is_xml_and_the_same_size() -> None:
    root = ET.fromstring(timeline.svg(CONVERSATION))  # noqa: S314 - our own output
    assert root.get("width") == "936pt"


@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(transcripts())
def test_any_transcript_is_drawn(whole: Transcript) -> None:
    assert timeline.png(whole, TimelineOptions(dpi=30)).startswith(b"\x89PNG")


def test_threads_draw_side_by_side() -> None:
    drawn: list[bytes] = []
    threads = [threading.Thread(target=lambda: drawn.append(timeline.png(CONVERSATION))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(drawn)) == 1
    assert len(drawn) == 4


def test_drawing_leaves_pyplot_alone() -> None:
    """Its figures stay open and its state is shared by all threads."""
    code = """
import subprocess
import sys
from pipeline.formats.timeline import diarization_png
from pipeline.types import Diarization
diarization_png(Diarization(turns=(), exclusive=(), speakers=()))
sys.exit("matplotlib.pyplot" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_turns_alone_are_drawn_up_to_the_last_one() -> None:
    diarization = Diarization(turns=(turn(0, 3),), exclusive=(turn(0, 3),), speakers=())
    assert timeline.diarization_png(diarization).startswith(b"\x89PNG")


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingDependency, match=r'pip install "hansard\[plot\]"'):
        timeline.draw(CONVERSATION)

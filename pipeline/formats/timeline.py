"""Who speaks when, as a picture: one row a speaker, long recordings on several panels.

The speaker who holds the floor (exclusive diarization) has the full colour, whoever speaks at the same time a light
one, and grey bands mark where voices overlap. Needs matplotlib (extra `plot`); drawn without pyplot, so that it works
in any thread and leaves nobody's figures open.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from pipeline.extras import require
from pipeline.formats.diarized import diarized
from pipeline.formats.timeline_layout import overlapped, panels
from pipeline.formats.timeline_page import Page, draw_footer, draw_header
from pipeline.formats.timeline_panel import draw_panel
from pipeline.types import Diarization, Transcript

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEXT_SECONDS = 180.0
"""Longest recording that shows what is said unless asked for."""


@dataclass(frozen=True, kw_only=True)
class TimelineOptions:
    """What a timeline shows."""

    text: bool | None = None
    """What is said, above the bars; None: in recordings of up to three minutes."""
    speech: bool = True
    """A thin line where anybody speaks, and marks where recognized text was dropped."""
    notices: bool = True
    """Warnings below the picture."""
    dpi: int = 130
    """Pixels an inch of a PNG; pictures are 13 inches wide."""


def draw(transcript: Transcript, options: TimelineOptions | None = None) -> Figure:
    """Draw a transcript, with or without words. Raises `MissingDependency` where matplotlib is not installed."""
    options = options or TimelineOptions()
    figure_class = require("matplotlib.figure", "plot").Figure
    duration = max([transcript.duration, *(turn.end for turn in transcript.diarization.turns)])
    text = bool(transcript.utterances) and (duration <= TEXT_SECONDS if options.text is None else options.text)
    page = Page.of(transcript, panels(duration, text=text), text=text, speech=options.speech, notices=options.notices)
    figure: Figure = figure_class(figsize=(page.width, page.height), dpi=options.dpi, facecolor="white")
    draw_header(figure, page, transcript, duration)
    overlaps = overlapped(transcript.diarization.turns)
    for number in range(len(page.panels)):
        draw_panel(figure, page, number, transcript, overlaps)
    draw_footer(figure, page, transcript)
    return figure


def png(transcript: Transcript, options: TimelineOptions | None = None) -> bytes:
    """Draw a transcript as a PNG."""
    content = BytesIO()
    draw(transcript, options).savefig(content, format="png")
    return content.getvalue()


def svg(transcript: Transcript, options: TimelineOptions | None = None) -> str:
    """Draw a transcript as an SVG; no date inside."""
    content = BytesIO()
    draw(transcript, options).savefig(content, format="svg", metadata={"Date": None})
    return content.getvalue().decode("utf-8")


def diarization_png(diarization: Diarization) -> bytes:
    """Draw turns alone as a PNG, up to the end of the last one."""
    duration = max((turn.end for turn in diarization.turns), default=0.0)
    return png(diarized(diarization, uri="", duration=duration))

"""One panel of a timeline: the rows of all speakers over one stretch of time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pipeline.formats.clock import short_clock
from pipeline.formats.timeline_layout import snippets, tick_step, ticks, within
from pipeline.formats.timeline_page import (
    BAND,
    FAINT,
    INK,
    LABEL_GAP,
    LABEL_POINTS,
    MAX_LABEL,
    PERCENT,
    SPEECH,
    Page,
    light,
)
from pipeline.formats.timeline_text import drawable, families, shortened, width
from pipeline.types import Diarization, Segment, Transcript, Turn

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HOUR = 3600
BAR = 0.62
"""Height of a bar in rows."""
TEXT_BAR = 0.3
"""The same where text stands above it."""
HAIRLINE = 0.5
"""Points around each bar, so that a short turn is seen on a long panel."""
TEXT_POINTS = 7.5


def draw_panel(figure: Figure, page: Page, number: int, transcript: Transcript, overlaps: Sequence[Segment]) -> None:
    """Draw the panel with that number."""
    panel = page.panels[number]
    axes = figure.add_axes(page.box(number))
    axes.set_xlim(panel.start, panel.end)
    lowest = -0.5 - (page.panel_height / page.row - max(1, len(page.shares)))
    axes.set_ylim(lowest, max(1, len(page.shares)) - 0.5)
    for band in within(overlaps, panel):
        axes.axvspan(band.start, band.end, color=BAND, lw=0, zorder=0)
    for place in range(len(page.shares)):
        _draw_row(axes, page, panel, place, transcript.diarization)
    if page.text:
        _draw_text(axes, page, panel, transcript)
    if page.speech:
        _draw_speech(axes, page, panel, transcript, lowest)
    _draw_axis(axes, page, panel, transcript.duration)


def _row_middle(page: Page, place: int) -> float:
    return len(page.shares) - 1 - place


def _draw_row(axes: Axes, page: Page, panel: Segment, place: int, diarization: Diarization) -> None:
    """Draw one speaker: the name, regular turns in a light colour, exclusive ones over them in the full colour."""
    y = _row_middle(page, place)
    share, colour = page.shares[place], page.colour(place)
    axes.axhline(y - 0.5, color="#eceff2", lw=0.8, zorder=0.5)
    _label(axes, y, LABEL_GAP / page.across(panel), f"{share.share:.0%}", FAINT)
    name = shortened(drawable(share.label), MAX_LABEL)
    _label(axes, y, (LABEL_GAP + PERCENT) / page.across(panel), name, INK)
    height, bottom = (TEXT_BAR, y - 0.42) if page.text else (BAR, y - BAR / 2)
    for turns, paint, depth in ((diarization.turns, light(colour), 2), (diarization.exclusive, colour, 3)):
        spans = [(item.start, item.duration) for item in within(_of(turns, share.label), panel)]
        axes.broken_barh(spans, (bottom, height), facecolor=paint, edgecolor=paint, lw=HAIRLINE, zorder=depth)


def _label(axes: Axes, y: float, left: float, text: str, colour: str) -> None:
    """Write something that ends `left` widths of the panel before its left edge."""
    axes.text(
        -left,
        y,
        text,
        transform=axes.get_yaxis_transform(),
        ha="right",
        va="center",
        size=LABEL_POINTS,
        color=colour,
        family=families(),
        parse_math=False,
    )


def _of(turns: Iterable[Turn], speaker: str) -> Iterable[Segment]:
    return (turn.segment for turn in turns if turn.speaker == speaker)


def _draw_text(axes: Axes, page: Page, panel: Segment, transcript: Transcript) -> None:
    """Write what is said above the bars, as far as there is room."""
    inches = page.across(panel) / panel.duration
    places = {share.label: place for place, share in enumerate(page.shares)}
    for snippet in snippets(transcript.utterances, panel):
        room = int(snippet.room * inches / width(1, TEXT_POINTS)) - 2
        if snippet.speaker not in places or room < 2:  # noqa: PLR2004 - one letter and an ellipsis say nothing
            continue
        axes.text(
            snippet.start,
            _row_middle(page, places[snippet.speaker]) + 0.14,
            shortened(drawable(snippet.text), room),
            size=TEXT_POINTS,
            color=INK,
            va="center",
            clip_on=True,
            zorder=4,
            family=families(),
            parse_math=False,
        )


def _draw_speech(axes: Axes, page: Page, panel: Segment, transcript: Transcript, lowest: float) -> None:
    """Draw detected speech as a line below the rows, and a cross where recognized text was dropped."""
    y = lowest + 0.08 / page.row
    spans = [(item.start, item.duration) for item in within(transcript.speech, panel)]
    axes.broken_barh(spans, (y - 0.02 / page.row, 0.04 / page.row), facecolor=SPEECH, lw=0, zorder=2)
    middles = [Segment(span.start, span.end).middle for span in transcript.dropped]
    inside = [middle for middle in middles if panel.start <= middle < panel.end]
    axes.plot(inside, [y] * len(inside), "x", color=INK, ms=4, mew=1, zorder=3)


def _draw_axis(axes: Axes, page: Page, panel: Segment, duration: float) -> None:
    """Draw the time axis, and nothing else of the frame."""
    instants = ticks(panel, page.span)
    axes.set_xticks(instants, [short_clock(instant, hours=duration >= HOUR) for instant in instants])
    axes.set_xticks([instant + tick_step(page.span) / 2 for instant in instants if instant < panel.end], minor=True)
    axes.set_xlim(panel.start, panel.end)
    axes.grid(axis="x", color="#e4e7eb", lw=0.6, zorder=0.4)
    axes.set_axisbelow(True)
    axes.set_yticks([])
    axes.tick_params(axis="x", colors=FAINT, labelsize=8, length=3, width=0.6)
    axes.tick_params(axis="x", which="minor", length=2, width=0.4, colors=FAINT)
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color("#b8bfc6")
    axes.spines["bottom"].set_linewidth(0.6)

"""The page of a timeline: sizes in inches, header and footer."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from pipeline.extras import require
from pipeline.formats.clock import short_clock
from pipeline.formats.timeline_layout import Share, overlapped, shares
from pipeline.formats.timeline_text import drawable, families, shortened, width
from pipeline.types import UNDETERMINED, Segment, Transcript

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

INK = "#1f2328"
FAINT = "#6a737d"
BAND = "#d3d9df"
SPEECH = "#8b949e"
COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#332288",
    "#999933",
    "#882255",
    "#44AA99",
)
"""Told apart with any kind of colour blindness: Okabe and Ito's (2008) without black and yellow, then Tol's muted set.

More speakers begin again; each has a row of its own, so that colour never tells alone.
"""
WIDTH = 13.0
MARGIN = 0.3
RIGHT = 0.35
PERCENT = 0.48
"""Room for the share of the talk, right of the name."""
LABEL_GAP = 0.1
"""Between the labels and the rows."""
HEADER = 0.85
AXIS = 0.42
"""Height below each panel for the time axis."""
LEGEND = 0.42
NOTICE_LINE = 0.19
MAX_NOTICES = 3
NOTICE_CHARACTERS = 170
LABEL_POINTS = 9.0
MAX_LABEL = 22
"""Characters of a speaker's name."""
MANY_SPEAKERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Where everything goes."""

    panels: tuple[Segment, ...]
    shares: tuple[Share, ...]
    text: bool
    speech: bool
    notice_lines: tuple[str, ...]
    width: float = WIDTH

    @staticmethod
    def of(transcript: Transcript, panels: tuple[Segment, ...], *, text: bool, speech: bool, notices: bool) -> Page:
        """Lay out a transcript."""
        return Page(
            panels=panels,
            shares=shares(transcript),
            text=text,
            speech=speech and bool(transcript.speech or transcript.dropped),
            notice_lines=_notice_lines(transcript) if notices else (),
        )

    @property
    def span(self) -> float:
        """Seconds of the longest panel."""
        return max(panel.duration for panel in self.panels)

    @property
    def left(self) -> float:
        """Room for the labels."""
        longest = max((len(share.label) for share in self.shares), default=0)
        return MARGIN + max(0.3, width(min(longest, MAX_LABEL), LABEL_POINTS) * 1.1) + PERCENT + LABEL_GAP

    @property
    def row(self) -> float:
        """Height of a speaker's row."""
        if self.text:
            return 0.5
        if len(self.panels) == 1:
            return 0.4
        return 0.2 if len(self.shares) > MANY_SPEAKERS else 0.26

    @property
    def panel_height(self) -> float:
        """Height of a panel without its time axis."""
        rows = max(1, len(self.shares)) * self.row
        return rows + (0.16 if self.speech else 0.0)

    @property
    def footer(self) -> float:
        """Height of legend and warnings."""
        return LEGEND + NOTICE_LINE * len(self.notice_lines)

    @property
    def height(self) -> float:
        """Height of the whole page."""
        return HEADER + len(self.panels) * (self.panel_height + AXIS) + self.footer

    def box(self, number: int) -> tuple[float, float, float, float]:
        """Left, bottom, width and height of a panel, as shares of the page."""
        bottom = self.height - HEADER - number * (self.panel_height + AXIS) - self.panel_height
        across = self.across(self.panels[number])
        return self.left / self.width, bottom / self.height, across / self.width, self.panel_height / self.height

    def across(self, panel: Segment) -> float:
        """Width of a panel; all have the same scale."""
        return (self.width - self.left - RIGHT) * panel.duration / self.span

    def colour(self, number: int) -> str:
        """Colour of the speaker with that number."""
        return COLOURS[number % len(COLOURS)]


def draw_header(figure: Figure, page: Page, transcript: Transcript, duration: float) -> None:
    """Write the recording's name and what there is to know at a glance."""
    x = MARGIN / page.width
    title = shortened(drawable(transcript.uri), 90) or "Who speaks when"
    style: dict[str, Any] = {"family": families(), "parse_math": False, "va": "baseline"}
    figure.text(x, 1 - 0.36 / page.height, title, size=13, weight="bold", color=INK, **style)
    figure.text(x, 1 - 0.6 / page.height, _facts(page, transcript, duration), size=9, color=FAINT, **style)


def _facts(page: Page, transcript: Transcript, duration: float) -> str:
    """Length, speakers, overlap and language on one line."""
    count = len(page.shares)
    talk = sum(share.seconds for share in page.shares)
    at_once = sum(item.duration for item in overlapped(transcript.diarization.turns))
    facts = [short_clock(duration), f"{count} speaker{'' if count == 1 else 's'}" if count else "nobody speaks"]
    if talk:
        # Two voices at once are two seconds of talk in one of the clock.
        facts.append(f"{at_once / (talk - at_once):.0%} of speech overlapped" if talk > at_once else "")
    if transcript.language != UNDETERMINED:
        facts.append(f"language {drawable(transcript.language)}")
    return "   ·   ".join(fact for fact in facts if fact)


def draw_footer(figure: Figure, page: Page, transcript: Transcript) -> None:
    """Draw the legend and the warnings."""
    handles = _legend(page, transcript)
    if handles:
        _draw_legend(figure, page, handles)
    for number, line in enumerate(reversed(page.notice_lines)):
        y = (0.1 + number * NOTICE_LINE) / page.height
        figure.text(MARGIN / page.width, y, line, size=8, color=FAINT, family=families(), parse_math=False)


def _legend(page: Page, transcript: Transcript) -> list[Artist]:
    """Explain what this picture shows, and nothing that it does not."""
    line = require("matplotlib.lines", "plot").Line2D
    patch = require("matplotlib.patches", "plot").Patch
    colour = page.colour(0)
    handles: list[Artist] = []
    if page.shares:
        handles.append(patch(color=colour, label="holds the floor"))
    if overlapped(transcript.diarization.turns):
        handles.append(patch(color=light(colour), label="speaks at the same time"))
        handles.append(patch(color=BAND, label="voices overlap"))
    if page.speech:
        handles.append(line([], [], color=SPEECH, lw=2.5, label="speech detected"))
    if page.speech and transcript.dropped:
        handles.append(line([], [], color=INK, marker="x", ms=4, lw=0, label="text dropped"))
    return handles


def _draw_legend(figure: Figure, page: Page, handles: list[Artist]) -> None:
    """Draw the legend in one line below the panels."""
    figure.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(page.left / page.width, NOTICE_LINE * len(page.notice_lines) / page.height),
        bbox_transform=figure.transFigure,
        ncols=len(handles),
        frameon=False,
        fontsize=8,
        labelcolor=FAINT,
        handlelength=1.4,
        borderaxespad=0.6,
        borderpad=0,
    )


def light(colour: str) -> str:
    """The colour mixed with two parts of white."""
    parts = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return "#" + "".join(f"{(part + 2 * 255) // 3:02x}" for part in parts)


def _notice_lines(transcript: Transcript) -> tuple[str, ...]:
    """Warnings, one a line and cut to the page; how many more there are on the last."""
    notices = dict.fromkeys([*transcript.notices, *transcript.diarization.notices])
    lines = [
        wrap(f"! {drawable(notice.message)}", NOTICE_CHARACTERS, max_lines=1, placeholder=" …") for notice in notices
    ]
    shown = [line[0] for line in lines[:MAX_NOTICES] if line]
    more = len(lines) - MAX_NOTICES
    return (*shown, f"and {more} more warning{'' if more == 1 else 's'}") if more > 0 else tuple(shown)

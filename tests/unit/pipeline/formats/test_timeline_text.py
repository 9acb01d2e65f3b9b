from __future__ import annotations

from pipeline.formats.timeline_text import MISSING, drawable, families, shortened


def test_characters_without_a_font_become_boxes() -> None:
    """A missing glyph would be a warning and a blank."""
    assert drawable("a\U000e0fff") == f"a{MISSING}"


def test_line_feeds_and_controls_do_not_reach_the_picture() -> None:
    assert drawable("a\n b\x00") == "a b"


def test_what_is_cut_ends_in_an_ellipsis() -> None:
    assert shortened("Norwegian sweaters", 10) == "Norwegian…"
    assert shortened("short", 10) == "short"


def test_the_font_that_comes_with_matplotlib_is_first() -> None:
    assert families()[0] == "DejaVu Sans"

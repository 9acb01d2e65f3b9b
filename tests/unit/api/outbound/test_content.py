"""Telling a recording from a page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.outbound.content import is_page, is_page_type, media_type


@pytest.mark.parametrize(
    ("header", "kind"),
    [(None, None), ("", None), (";", None), ("Audio/WAV", "audio/wav"), (" text/html ; charset=utf-8", "text/html")],
)
def test_media_type_has_no_parameters(header: str | None, kind: str | None) -> None:
    assert media_type(header) == kind


@pytest.mark.parametrize(
    "kind",
    [
        "text/html",
        "text/csv",
        "text/xml",
        "application/json",
        "application/problem+json",
        "application/xml",
        "application/xhtml+xml",
        "application/rss+xml",
        "application/pdf",
    ],
)
def test_page_is_known_by_its_type(kind: str) -> None:
    assert is_page_type(kind)


@pytest.mark.parametrize(
    "kind",
    [
        None,
        "audio/mpeg",
        "video/mp4",
        "application/octet-stream",
        "binary/octet-stream",
        "application/ogg",
        "application/x-www-form-urlencoded",
        "text/plain",
        "application/mxf",
        "application/vnd.rn-realmedia",
    ],
)
def test_type_that_recordings_come_under_is_no_page(kind: str | None) -> None:
    """Apache calls a file text/plain whose ending it does not know, and S3 calls everything octet-stream."""
    assert not is_page_type(kind)


@pytest.mark.parametrize(
    "beginning",
    [
        b"<html>",
        b"\n\t <!DOCTYPE HTML>",
        b"\xef\xbb\xbf<?xml version='1.0'?>\x00",
        b"<!-- \x00 -->",
        b"<HEAD\x01>",
        "<html>naïve".encode("latin-1"),
        b"[]",
        b"{}",
        b"Not found",
        "Zugriff über".encode(),
        b"ffconcat version 1.0",
        ("é" * 400).encode()[:512],
        b"x" + ("é" * 400).encode(),
    ],
)
def test_markup_and_text_are_pages(beginning: bytes) -> None:
    assert is_page(beginning)


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"RIFF\x24\x00\x00\x00WAVEfmt ",
        b"ID3\x04\x00\x00",
        b"\xff\xfb\x90\x64" + b"U" * 508,
        b"OggS\x00\x02",
        b"fLaC\x00\x00\x00\x22",
        b"\x00\x00\x00\x20ftypM4A ",
        b"\x1aE\xdf\xa3",
        b"#!AMR\n\x3c\x08",
        b"<\x00\x00",
        b"FORM\x00\x00\x00\x00AIFF",
        b".snd\x00\x00\x00\x18",
        b"\x30\x26\xb2\x75",
        b"\xff\xf1\x50\x80",
        b"<htmlish\xff",
    ],
)
def test_beginnings_of_recordings_are_no_pages(beginning: bytes) -> None:
    assert not is_page(beginning)


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=2000))
def test_any_text_is_a_page(text: str) -> None:
    assert is_page(text.encode()[:512])

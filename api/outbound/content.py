"""Telling a recording from a page, before a decoder sees it."""

from __future__ import annotations

import codecs
import re

JUDGED_BYTES = 512
"""How much of the beginning is looked at."""
PAGE_TYPES = re.compile(r"text/(?!plain\b)|application/(?:[\w.+-]+\+)?(?:json|xml)\b|application/(?:xhtml|rtf|pdf)\b")
"""Not text/plain: Apache sends it for file endings it does not know, .opus among them. The bytes decide there."""
MARKUP = re.compile(rb"\s*<(?:!--|(?:!doctype|\?xml|html|head|body|script|title)\b)", re.IGNORECASE)
BINARY = bytes([*range(0x09), 0x0B, *range(0x0E, 0x1B), *range(0x1C, 0x20)])
"""Bytes that no text holds (WHATWG MIME Sniffing, "binary data byte")."""


def media_type(header: str | None) -> str | None:
    """The type in a Content-Type header, without its parameters."""
    return header.partition(";")[0].strip().lower() or None if header is not None else None


def is_page_type(content_type: str | None) -> bool:
    """Whether a media type is that of a page, a document or data rather than of a recording."""
    return content_type is not None and PAGE_TYPES.match(content_type) is not None


def is_page(beginning: bytes) -> bool:
    """Whether the first bytes of a file are markup or text. No bytes at all are neither.

    Every container of audio has bytes below 32 in its first 512, or some that are not UTF-8.
    """
    without_mark = beginning[:JUDGED_BYTES].removeprefix(codecs.BOM_UTF8)
    if MARKUP.match(without_mark):
        return True
    return bool(without_mark) and not _has_binary(without_mark) and _is_utf8(without_mark)


def _has_binary(data: bytes) -> bool:
    return len(data.translate(None, BINARY)) < len(data)


def _is_utf8(data: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)  # a letter cut in two at the end is no error
    except UnicodeDecodeError:
        return False
    return True

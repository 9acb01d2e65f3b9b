"""Every shape a result can be written in. A new shape is one more module and one more line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pipeline.errors import InvalidOption
from pipeline.formats import ctm, jsonl, native, rttm, srt, stm, timeline, txt, vtt, whisperx
from pipeline.types import Transcript


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One shape of a result."""

    name: str
    suffix: str
    """Goes after the recording's name; no two formats share one."""
    media_type: str
    encode: Callable[[Transcript], str | bytes]
    """Text, or bytes for a picture."""


JSON = "application/json"
TEXT = "text/plain; charset=utf-8"

FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            Format(name="json", suffix=".json", media_type=JSON, encode=native.encode),
            Format(name="jsonl", suffix=".jsonl", media_type="application/x-ndjson", encode=jsonl.encode),
            Format(name="whisperx", suffix=".whisperx.json", media_type=JSON, encode=whisperx.encode),
            Format(name="rttm", suffix=".rttm", media_type=TEXT, encode=rttm.encode),
            Format(name="rttm-exclusive", suffix=".exclusive.rttm", media_type=TEXT, encode=rttm.encode_exclusive),
            Format(name="ctm", suffix=".ctm", media_type=TEXT, encode=ctm.encode),
            Format(name="stm", suffix=".stm", media_type=TEXT, encode=stm.encode),
            Format(name="srt", suffix=".srt", media_type="application/x-subrip; charset=utf-8", encode=srt.encode),
            Format(name="vtt", suffix=".vtt", media_type="text/vtt; charset=utf-8", encode=vtt.encode),
            Format(name="txt", suffix=".txt", media_type=TEXT, encode=txt.encode),
            Format(name="png", suffix=".png", media_type="image/png", encode=timeline.png),
            Format(name="svg", suffix=".svg", media_type="image/svg+xml", encode=timeline.svg),
        )
    }
)
"""By name, in the order in which they are listed to people."""

ALIASES: Mapping[str, str] = MappingProxyType({"native": "json", "text": "txt", "webvtt": "vtt"})
"""Other names that people use."""


def find(name: str) -> Format:
    """Look a format up by its name or one of the other names in use. Raises `InvalidOption` where there is none."""
    found = FORMATS.get(ALIASES.get(name, name))
    if found is None:
        message = f"unknown format {name!r}; choose from {', '.join(FORMATS)}"
        raise InvalidOption(message)
    return found


def write(transcript: Transcript, name: str) -> str:
    """Write a transcript in a text format. Raises `InvalidOption` where the name is unknown or means a picture."""
    text = find(name).encode(transcript)
    if isinstance(text, bytes):
        message = f"{name} is a picture, not text; use write_bytes"
        raise InvalidOption(message)
    return text


def write_bytes(transcript: Transcript, name: str) -> bytes:
    """Write a transcript in any format, text as UTF-8. Raises `InvalidOption` where the name is unknown."""
    content = find(name).encode(transcript)
    return content if isinstance(content, bytes) else content.encode("utf-8")

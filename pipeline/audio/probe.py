"""What a file says about itself, without decoding it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.audio.container import choose_stream, open_container
from pipeline.audio.promise import MICROSECONDS, promised_seconds
from pipeline.audio.source import AudioSource, display_name, open_source, source_name
from pipeline.options import DecodeLimits

if TYPE_CHECKING:
    from av.video.stream import VideoStream

DEFAULT_LIMITS = DecodeLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaInfo:
    """The headers of a recording. They may lie: `decode` counts for itself."""

    uri: str
    """Name of the recording, for people; never a path."""
    format: str
    """Container, as FFmpeg names it: `wav`, `mp3`, `mov,mp4,m4a,3gp,3g2,mj2`, …"""
    codec: str
    """Codec of the audio stream that would be decoded: `pcm_s16le`, `aac`, `opus`, …"""
    sample_rate: int
    """Hz."""
    channels: int
    audio_streams: int
    has_video: bool
    """Moving pictures; a cover does not count."""
    seconds: float | None
    """Length by the header, or estimated from the file's size; None where there is nothing to go by."""
    promised: bool
    """True where `seconds` is the header's promise, so that a shorter decode means a truncated file."""
    bytes: int


def probe(source: AudioSource, *, uri: str | None = None, limits: DecodeLimits = DEFAULT_LIMITS) -> MediaInfo:
    """Read the headers of a recording.

    Raises:
        AudioError: it is no recording that could be decoded; the same subclasses as `decode`, as far as headers tell.
    """
    with open_source(source, limits) as opened, open_container(opened) as container:
        stream, _ = choose_stream(container, limits)
        promised = promised_seconds(container, stream, opened)
        estimated = container.duration / MICROSECONDS if container.duration and container.duration > 0 else None
        return MediaInfo(
            uri=display_name(uri) if uri else source_name(source),
            format=container.format.name,
            codec=stream.codec_context.codec.name,
            sample_rate=stream.codec_context.sample_rate,
            channels=stream.codec_context.channels,
            audio_streams=len(container.streams.audio),
            has_video=any(not _is_cover(video) for video in container.streams.video),
            seconds=estimated if promised is None else promised,
            promised=promised is not None,
            bytes=opened.size,
        )


def _is_cover(stream: VideoStream) -> bool:
    return bool(stream.disposition & stream.disposition.attached_pic)

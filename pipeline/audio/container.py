"""Open a container safely: only formats that cannot refer to other files, one audio stream, our errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import av
from av.error import FFmpegError

from pipeline.audio.protection import is_encrypted
from pipeline.audio.source import Source
from pipeline.errors import (
    CorruptMedia,
    EncryptedMedia,
    NoAudioStream,
    SourceNotFound,
    TooManyChannels,
    UnsupportedFormat,
)
from pipeline.options import DecodeLimits
from pipeline.types import Notice

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer

FORMATS = (
    "aac,aax,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,dss,dts,eac3,flac,flv,loas,matroska,mov,mp3,mpc,mpc8,mpeg,mpegts,mxf,"
    "nistsphere,ogg,qcp,rm,sox,tta,voc,w64,wav,wv"
)
"""Demuxers that FFmpeg may use: recordings, with or without pictures. Not here, on purpose: whatever names other files
(HLS, DASH, concat, SDP, IMF, image sequences) and the hundred formats of games and cameras nobody sends."""
MAGIC = (
    (0, b"RIFF"),
    (0, b"RF64"),
    (0, b"FORM"),
    (0, b"fLaC"),
    (0, b"OggS"),
    (4, b"ftyp"),
    (0, b"\x1a\x45\xdf\xa3"),
    (0, b"\x30\x26\xb2\x75"),
    (0, b"#!AMR"),
    (0, b"caff"),
    (0, b".snd"),
)
"""Beginnings of media files: one that cannot be opened all the same is damaged, not foreign."""
PLAYLISTS = (b"#EXTM3U", b"ffconcat", b"[playlist]", b"v=0", b"<?xml", b"<smil", b"<asx")
LOWEST_RATE, HIGHEST_RATE = 1_000, 768_000
"""Hz. Lower cannot carry speech, higher no converter makes; a header that says so is damaged."""
READ_BYTES = 2**18
"""Bytes a read: each one crosses from C to Python and back."""


@contextmanager
def open_container(source: Source) -> Iterator[InputContainer]:
    """Open a recording for the length of a `with` block, and turn what FFmpeg raises inside it into our errors.

    Raises:
        UnsupportedFormat: not one of the formats accepted.
        EncryptedMedia: protected by DRM.
        CorruptMedia: a format accepted, but its header cannot be used.
        SourceNotFound: the file could not be read to its end.
    """
    if is_encrypted(source):
        message = "the audio is protected by DRM; send a copy without protection"
        raise EncryptedMedia(message)
    try:
        container = _open(source)
    except (FFmpegError, ValueError) as error:
        _refuse(source, error)
    try:
        with container:
            yield container
    except FFmpegError as error:
        message = f"the audio is damaged and cannot be decoded ({error.strerror})"
        raise CorruptMedia(message) from error
    finally:
        _raise_read_failure(source)


def _open(source: Source) -> InputContainer:
    source.seek(0)
    return av.open(
        source,
        mode="r",
        container_options={"format_whitelist": FORMATS, "protocol_whitelist": "none"},
        metadata_errors="replace",
        buffer_size=READ_BYTES,
        io_open=_refuse_to_open,
    )


def _refuse_to_open(*_: object) -> NoReturn:
    """Second lock behind the list of formats: a demuxer that wants another file does not get it."""
    message = "a recording may not open other files"
    raise PermissionError(message)


def _refuse(source: Source, error: Exception) -> NoReturn:
    _raise_read_failure(source)
    head = source.head
    if any(head[at : at + len(magic)] == magic for at, magic in MAGIC) or not head:
        message = "the file begins like audio, but its header is damaged"
        raise CorruptMedia(message) from error
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(PLAYLISTS):
        message = "this is a playlist or description, not a recording; send the recording itself"
        raise UnsupportedFormat(message) from error
    message = "not an audio or video format that can be decoded; send wav, flac, mp3, m4a, ogg, opus, webm, mp4 or mkv"
    raise UnsupportedFormat(message) from error


def _raise_read_failure(source: Source) -> None:
    if source.failure is not None:
        message = f"the recording could not be read to its end ({source.failure.strerror or source.failure})"
        raise SourceNotFound(message) from source.failure


def choose_stream(container: InputContainer, limits: DecodeLimits) -> tuple[AudioStream, tuple[Notice, ...]]:
    """Take the audio stream marked as default, else the first, and say so where there are several.

    Raises:
        NoAudioStream: there are only pictures, or nothing at all.
        CorruptMedia: the header gives a sample rate or number of channels that no recording has.
        TooManyChannels: more than `limits.max_channels`.
        UnsupportedFormat: no decoder for it, or more streams than `limits.max_streams`.
    """
    if len(container.streams) > limits.max_streams:
        message = (
            f"the file has {len(container.streams)} streams, the limit is {limits.max_streams} (max_streams); "
            "send the audio stream alone, or raise the limit"
        )
        raise UnsupportedFormat(message)
    streams = container.streams.audio
    if not streams:
        raise NoAudioStream
    stream = next(
        (candidate for candidate in streams if candidate.disposition & candidate.disposition.default), streams[0]
    )
    check_stream(stream, limits)
    if len(streams) == 1:
        return stream, ()
    number = 1 + list(streams).index(stream)
    message = f"the file has {len(streams)} audio streams; number {number} was used"
    return stream, (Notice("several_streams", message),)


def check_stream(stream: AudioStream, limits: DecodeLimits) -> None:
    """Refuse a stream whose header cannot be true or asks for too much; see `choose_stream`."""
    if getattr(stream, "codec_context", None) is None:  # so for a codec that FFmpeg has no decoder for
        message = "there is no decoder for the audio in this file; send wav, flac, mp3, m4a, ogg or opus"
        raise UnsupportedFormat(message)
    check_shape(stream.codec_context.sample_rate, stream.codec_context.channels, limits)


def check_shape(rate: int, channels: int, limits: DecodeLimits) -> None:
    """Refuse a sample rate or number of channels that cannot be true, or too many channels."""
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        message = f"the file gives a sample rate of {rate} Hz, which no recording has"
        raise CorruptMedia(message)
    if channels < 1:
        message = "the file gives a number of channels of 0"
        raise CorruptMedia(message)
    if channels > limits.max_channels:
        message = (
            f"the recording has {channels} channels, the limit is {limits.max_channels} (max_channels); "
            "send fewer channels, or raise the limit"
        )
        raise TooManyChannels(message)

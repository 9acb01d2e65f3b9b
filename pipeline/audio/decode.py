"""From a file to samples at 16 kHz, within limits that are checked while decoding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

import numpy as np

from pipeline.audio.blocks import Blocks
from pipeline.audio.container import check_shape, choose_stream, open_container
from pipeline.audio.loss import loss_notices
from pipeline.audio.pcm import PcmRounding
from pipeline.audio.probe import DEFAULT_LIMITS
from pipeline.audio.promise import MICROSECONDS, promised_seconds
from pipeline.audio.resample import Resampler
from pipeline.audio.source import AudioSource, display_name, open_source, source_name
from pipeline.audio.stream_reading import Piece, Tally, read_pieces
from pipeline.errors import AudioError, AudioTooLong, AudioTooShort, CorruptMedia
from pipeline.hooks import Hook, NullHook
from pipeline.options import DecodeLimits
from pipeline.types import FloatArray, Notice
from pipeline.waveform import Waveform

CHUNK_SECONDS = 4.0
"""Frames, of 10 to 100 ms, are gathered up to here before they are resampled and reported."""
STAGE = "decode"
QUIET = NullHook()


def decode(
    source: AudioSource,
    *,
    uri: str | None = None,
    limits: DecodeLimits = DEFAULT_LIMITS,
    hook: Hook = QUIET,
) -> Waveform:
    """Decode a recording to 16 kHz, all channels kept.

    The length is counted, never taken from a header. Damaged or missing stretches become silence, so that times stay
    those a player shows. Samples are rounded to 16 bits. Notices: `clipped`, `truncated`, `damaged`,
    `gaps`, `format_changed`, `several_streams`.

    Args:
        source: a path, the bytes of a file, or a binary file.
        uri: name of the recording; by default the file's, without folder and ending.
        limits: what the recording may ask of the machine.
        hook: told about seconds decoded, out of those the header promises.

    Raises:
        SourceNotFound, EmptyFile, SourceTooLarge: there is nothing to read, or too much.
        UnsupportedFormat, NoAudioStream, EncryptedMedia, CorruptMedia: nothing in it can be decoded.
        AudioTooShort, AudioTooLong, TooManyChannels: beyond the limits.
    """
    notices: list[Notice] = []
    blocks = decode_blocks(source, notices, limits=limits, hook=hook)
    first, rounded = next(blocks), PcmRounding()
    collected = Blocks(first.shape[0])
    for samples in chain([first], blocks):
        collected.append(rounded(samples))
    return Waveform(
        stored=collected.join(),
        uri=display_name(uri) if uri else source_name(source),
        notices=(*notices, *rounded.notices),
    )


def decode_blocks(
    source: AudioSource,
    notices: list[Notice],
    *,
    limits: DecodeLimits = DEFAULT_LIMITS,
    hook: Hook = QUIET,
) -> Iterator[FloatArray]:
    """Decode a recording as `decode` does, in blocks of some seconds, so that no more than one is ever in memory.

    Gives blocks of (channels, samples) at 16 kHz, all with the number of channels of the first and none empty. What
    was noticed is appended to `notices` once the last block has been given. Raises what `decode` raises, which may be
    after many blocks; at least one block is given otherwise.
    """
    with open_source(source, limits) as opened, open_container(opened) as container:
        stream, chosen = choose_stream(container, limits)
        promised = promised_seconds(container, stream, opened)
        total = promised or (container.duration or 0) / MICROSECONDS
        tally, given = Tally(), 0
        shapes: dict[tuple[int, int], None] = {}
        pieces = _within(read_pieces(container, stream, tally), tally, limits)
        for samples in _resampled(pieces, shapes):
            hook(STAGE, tally.seconds, max(total, tally.seconds))
            given += samples.shape[1]
            if samples.size:
                yield samples
    if not given:
        raise _soundless(tally, promised)
    _check_length(tally.seconds, limits)
    hook(STAGE, tally.seconds, tally.seconds)
    notices += [*chosen, *_change_notices(list(shapes)), *loss_notices(tally, promised)]


def _within(pieces: Iterable[Piece], tally: Tally, limits: DecodeLimits) -> Iterator[Piece]:
    """Pass pieces on until one breaks a limit or has a shape that cannot be true."""
    shape = (0, 0)
    for piece in pieces:
        if tally.seconds > limits.max_seconds:
            message = (
                f"the recording is longer than the limit of {limits.max_seconds:g} s (max_seconds); "
                "send it in parts, or raise the limit"
            )
            raise AudioTooLong(message)
        if (piece.rate, piece.samples.shape[0]) != shape:
            shape = (piece.rate, piece.samples.shape[0])
            check_shape(*shape, limits)
        yield piece


def _chunks(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Join consecutive pieces of one rate and number of channels into chunks of some seconds."""
    waiting: list[FloatArray] = []
    length, rate = 0, 0
    for piece in pieces:
        changed = waiting and (piece.rate != rate or piece.samples.shape[0] != waiting[0].shape[0])
        if changed or length > CHUNK_SECONDS * rate:
            if waiting:
                yield Piece(np.concatenate(waiting, axis=1), rate)
            waiting, length = [], 0
        waiting.append(piece.samples)
        length += piece.samples.shape[1]
        rate = piece.rate
    if waiting:
        yield Piece(np.concatenate(waiting, axis=1), rate)


def _resampled(pieces: Iterable[Piece], shapes: dict[tuple[int, int], None]) -> Iterator[FloatArray]:
    """Resample everything; (channels, samples) at 16 kHz, with the number of channels it began with."""
    resampler: Resampler | None = None
    channels = 0
    for chunk in _chunks(pieces):
        shapes[chunk.rate, chunk.samples.shape[0]] = None
        if resampler is None:
            channels = chunk.samples.shape[0]
            resampler = Resampler(channels)
        yield from resampler.push(_fit(chunk.samples, channels), chunk.rate)
    if resampler is not None:
        yield from resampler.flush()


def _fit(samples: FloatArray, channels: int) -> FloatArray:
    """Bring a stretch to the number of channels that the recording began with; between one and several only."""
    found = samples.shape[0]
    if found == channels:
        return samples
    if found == 1:
        return np.broadcast_to(samples, (channels, samples.shape[1]))
    if channels == 1:
        return np.asarray(samples.mean(axis=0, keepdims=True), dtype=np.float32)
    message = f"the number of channels changes from {channels} to {found} in the middle of the recording"
    raise CorruptMedia(message)


def _change_notices(shapes: list[tuple[int, int]]) -> tuple[Notice, ...]:
    if len(shapes) < 2:  # noqa: PLR2004
        return ()
    found = ", ".join(f"{rate} Hz x {channels}" for rate, channels in shapes)
    message = f"sample rate or channels change in the middle of the recording ({found}); it was joined as one"
    return (Notice("format_changed", message),)


def _soundless(tally: Tally, promised: float | None) -> AudioError:
    if tally.trailing_failures or promised:
        return CorruptMedia("the audio is damaged: nothing in it could be decoded")
    return AudioTooShort("the recording holds no samples")


def _check_length(seconds: float, limits: DecodeLimits) -> None:
    if seconds < limits.min_seconds:
        message = (
            f"the recording lasts {seconds:.3f} s, the shortest accepted is {limits.min_seconds:g} s (min_seconds)"
        )
        raise AudioTooShort(message)

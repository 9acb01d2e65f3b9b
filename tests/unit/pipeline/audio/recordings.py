"""Recordings made up for the tests: tones and bursts, wrapped in real containers."""

from __future__ import annotations

import io
import struct

import av
import numpy as np

from pipeline.types import FloatArray
from pipeline.waveform import SAMPLE_RATE


def tone(seconds: float, rate: int = SAMPLE_RATE, channels: int = 1, frequency: float = 440.0) -> FloatArray:
    """A sine at -10 dBFS, (channels, samples)."""
    time = np.arange(round(seconds * rate)) / rate
    return np.tile(0.3 * np.sin(2 * np.pi * frequency * time), (channels, 1)).astype(np.float32)


def wav(
    samples: FloatArray,
    rate: int = SAMPLE_RATE,
    *,
    data_size: int | None = None,
    header_rate: int | None = None,
    header_channels: int | None = None,
) -> bytes:
    """A 16-bit WAV file whose header may lie."""
    data = (samples.T * 32767).astype("<i2").tobytes()
    shown_rate = rate if header_rate is None else header_rate
    channels = samples.shape[0] if header_channels is None else header_channels
    layout = struct.pack("<HHIIHH", 1, channels, shown_rate, shown_rate * channels * 2 & 0xFFFFFFFF, channels * 2, 16)
    size = len(data) if data_size is None else data_size
    body = b"WAVEfmt " + struct.pack("<I", 16) + layout + b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", (len(body) if data_size is None else size) & 0xFFFFFFFF) + body


def encoded(
    samples: FloatArray, container: str, codec: str, rate: int = SAMPLE_RATE, options: dict[str, str] | None = None
) -> bytes:
    """Samples in any container and codec that FFmpeg writes; mono or stereo."""
    layout = "mono" if samples.shape[0] == 1 else "stereo"
    file = io.BytesIO()
    with av.open(file, "w", format=container, container_options=options or {}) as output:
        stream = output.add_stream(codec, rate=rate, layout=layout)
        assert isinstance(stream, av.AudioStream)
        shaper = av.AudioResampler(stream.format, layout, rate, stream.codec_context.frame_size or 1024)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=layout)
        frame.sample_rate = rate
        for ready in [*shaper.resample(frame), *shaper.resample(None)]:
            output.mux(stream.encode(ready))
        output.mux(stream.encode(None))
    return file.getvalue()


def silent_video() -> bytes:
    """An MP4 with pictures and no sound."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        stream = output.add_stream("mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for _ in range(5):
            output.mux(stream.encode(av.VideoFrame(32, 32, "yuv420p")))
        output.mux(stream.encode(None))
    return file.getvalue()


def two_streams() -> bytes:
    """A Matroska file with two audio streams: 1 s of 440 Hz, 1 s of nothing."""
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as output:
        streams = [output.add_stream("pcm_s16le", rate=SAMPLE_RATE, layout="mono") for _ in range(2)]
        for stream, loudness in zip(streams, (1.0, 0.0), strict=True):
            samples = (loudness * tone(1.0) * 32767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate = SAMPLE_RATE
            output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
    return file.getvalue()


def with_id3(data: bytes, tag_bytes: int) -> bytes:
    """A file behind an ID3v2 tag of any size, as large cover pictures make it."""
    size = bytes(tag_bytes >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x04\x00\x00" + size + bytes(tag_bytes) + data


def talk(seconds: float, seed: int, turns: tuple[tuple[float, float], ...]) -> FloatArray:
    """Noise in syllables during the turns given, else nothing, (samples,): the level of speech without its words."""
    generator = np.random.default_rng(seed)
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    loudness = np.repeat(generator.uniform(0.02, 0.2, int(seconds * 5) + 1), SAMPLE_RATE // 5)[: len(time)]
    spoken = np.zeros(len(time), dtype=bool)
    for start, end in turns:
        spoken |= (time >= start) & (time < end)
    return np.asarray(spoken * loudness * generator.standard_normal(len(time)), dtype=np.float32)

"""What is raced on: recordings as everyone can read them, and the truth about them."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.audio import decode, downmix
from pipeline.evaluation import Recording, read_recordings
from pipeline.waveform import SAMPLE_RATE

TRUTHS = (".rttm", ".stm")
"""Files beside a recording that tell turns and words; a `.uem` beside them is read as well."""


@dataclass(frozen=True, kw_only=True)
class Material:
    """Recordings with truth."""

    title: str
    """What they are, for a reader."""
    paths: tuple[Path, ...]
    """16 kHz, 16 bits, one channel, wav."""
    seconds: float
    """Of all together."""
    truths: tuple[Recording, ...]
    """In the order of `paths`."""
    remarks: tuple[str, ...] = ()


def prepare(title: str, sources: Sequence[Path], folder: Path, remarks: Sequence[str] = ()) -> Material:
    """Write the sources into `folder` as everyone can read them, and read the truth beside them.

    Raises `AudioError` where a source cannot be decoded, `MalformedFile` where a truth cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths, seconds = [], 0.0
    for number, source in enumerate(sources):
        audio = downmix(decode(source))
        path = folder / f"{number:03d}-{source.stem}.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE)
            file.writeframes(audio.stored.astype("<i2", copy=False).tobytes())  # as it was decoded
        paths.append(path)
        seconds += audio.duration
    return Material(
        title=title,
        paths=tuple(paths),
        seconds=seconds,
        truths=tuple(truth_beside(source) for source in sources),
        remarks=tuple(remarks),
    )


def truth_beside(source: Path) -> Recording:
    """Turns, words and scored stretches from the files beside a recording; what no file tells is None."""
    found = Recording(uri=source.stem)
    for path in (source.with_suffix(suffix) for suffix in TRUTHS):
        if path.exists():
            told = next(iter(read_recordings(path).values()))
            found = replace(
                found,
                turns=found.turns if told.turns is None else told.turns,
                words=found.words if told.words is None else told.words,
                scored=found.scored if told.scored is None else told.scored,
            )
    return found

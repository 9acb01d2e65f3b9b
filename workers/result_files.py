"""The files of a result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pipeline.artefacts import embeddings
from pipeline.formats import registry
from pipeline.types import Transcript

WRITTEN: Final[Mapping[str, str]] = {
    "json": "transcript",
    "rttm": "transcript",
    "srt": "transcript",
    "vtt": "transcript",
    "jsonl": "turns",
}
"""Formats that are stored, and what their files are called; the others are made of `transcript.json` when asked for."""
BINARY: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultFile:
    """One file of a result, before it is stored."""

    name: str
    content: bytes
    content_type: str


def result_files(transcript: Transcript, stages: Mapping[str, bytes]) -> Iterator[ResultFile]:
    """All files of a result: the transcript, and that with which it can be clustered again without its audio.

    `stages` maps the name of a stage (`segmentation`, or `segmentation.1` of the second channel) to what it gave.
    """
    for name, stem in WRITTEN.items():
        found = registry.FORMATS[name]
        content = registry.write_bytes(transcript, name)
        yield ResultFile(name=f"{stem}{found.suffix}", content=content, content_type=found.media_type)
    for stage, content in sorted(stages.items()):
        if stage.partition(".")[0] == "segmentation":
            yield ResultFile(name=f"{stage}.npz", content=content, content_type=BINARY)
    voices = embeddings.with_speakers(stages.get("embedding"), transcript.diarization.speakers)
    yield ResultFile(name="embeddings.safetensors", content=voices, content_type=BINARY)

"""Voices as `.safetensors`: of the local speakers of every window, and of the speakers of a recording.

| tensor | dtype | shape | what |
|---|---|---|---|
| `embeddings` | float32 | (embedded, dimension) | voices of local speakers that could be heard, unit norm, by window |
| `windows` | int32 | (embedded,) | number of the window of each, as in `segmentation.npz` |
| `local_speakers` | uint8 | (embedded,) | number of the local speaker of each, 0 to 2, as in `segmentation.npz` |
| `clean_seconds` | float32 | (windows, 3) | how long each local speaker is active alone in the window |
| `active_seconds` | float32 | (windows, 3) | how long each is active at all |
| `speakers` | float32 | (speakers, dimension) | voices of the speakers of the recording, unit norm |

The first five are there for a recording whose voices were told apart, and not for one with a party on each channel;
the last is there in the file that is published beside a transcript. The metadata are text: `version` (1), `duration`
(seconds of audio), `seconds` (wall-clock seconds that embedding took), `notices` (what a reader should know, JSON: a
list of `{code, message}`), `labels` (JSON list: the speaker of each row of
`speakers`; who has no row was not heard alone long enough), `crc32` (of all tensors' bytes, in order of name).

Measured: 4.4 MB an hour of audio with 192 dimensions; half of the local speakers have an embedding.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from pipeline.artefacts import notices
from pipeline.artefacts.artefact import Made
from pipeline.errors import MalformedFile
from pipeline.types import FloatArray, Speaker

if TYPE_CHECKING:
    from pipeline.embedding.local_speakers import LocalSpeakers

VERSION: Final = 1
LENGTH_BYTES: Final = 8
"""A safetensors file begins with the length of its header, little-endian."""

Tensors = dict[str, NDArray[Any]]


def encode(local: LocalSpeakers, made: Made) -> bytes:
    """Write local speakers."""
    windows, speakers = np.nonzero(local.embedded)
    tensors: Tensors = {
        "embeddings": np.ascontiguousarray(local.embeddings[local.embedded], dtype=np.float32),
        "windows": windows.astype(np.int32),
        "local_speakers": speakers.astype(np.uint8),
        "clean_seconds": np.ascontiguousarray(local.clean_seconds, dtype=np.float32),
        "active_seconds": np.ascontiguousarray(local.active_seconds, dtype=np.float32),
    }
    told = {"duration": repr(made.duration), "seconds": repr(made.seconds), "notices": notices.to_json(local.notices)}
    return _write(tensors, told)


def decode(content: bytes) -> tuple[LocalSpeakers, Made]:
    """Read what `encode` wrote; raises `MalformedFile` for anything else."""
    tensors, metadata = _read(content)
    try:
        local = replace(_local_speakers(tensors), notices=notices.from_json(metadata["notices"]))
        made = Made(duration=float(metadata["duration"]), seconds=float(metadata["seconds"]))
    except (IndexError, KeyError, TypeError, ValueError) as error:
        message = f"not embeddings of local speakers: {error!r}"
        raise MalformedFile(message) from error
    return local, made


def with_speakers(local: bytes | None, speakers: Sequence[Speaker]) -> bytes:
    """Make the file that is published: what `encode` wrote, None where there is nothing, and the voices of `speakers`.

    Raises `MalformedFile` where `local` is not a file of embeddings.
    """
    tensors, metadata = _read(local) if local is not None else ({}, {})
    heard = {speaker.label: speaker.embedding for speaker in speakers if speaker.embedding is not None}
    tensors["speakers"] = np.array(list(heard.values()), dtype=np.float32).reshape(len(heard), -1 if heard else 0)
    return _write(tensors, metadata | {"labels": json.dumps(list(heard))})


def _local_speakers(tensors: Tensors) -> LocalSpeakers:
    # Here and not above: it takes torch with it, and to publish a result takes none of that.
    from pipeline.embedding.local_speakers import LocalSpeakers  # noqa: PLC0415

    rows, windows, numbers = tensors["embeddings"], tensors["windows"], tensors["local_speakers"]
    clean, active = tensors["clean_seconds"], tensors["active_seconds"]
    if not (rows.dtype == clean.dtype == active.dtype == np.float32 and rows.ndim == clean.ndim == 2):  # noqa: PLR2004
        message = "embeddings and seconds are not float32 tables"
        raise ValueError(message)
    if clean.shape != active.shape or windows.shape != rows.shape[:1] or numbers.shape != rows.shape[:1]:
        message = "the tensors do not belong together"
        raise ValueError(message)
    if len(windows) and int(windows.min()) < 0:
        message = "a window has a negative number"
        raise ValueError(message)
    embeddings: FloatArray = np.full((*clean.shape, rows.shape[1]), np.nan, dtype=np.float32)
    embeddings[windows, numbers] = rows
    return LocalSpeakers(embeddings, clean, active)


def _write(tensors: Tensors, metadata: Mapping[str, str]) -> bytes:
    return save(tensors, {**metadata, "version": str(VERSION), "crc32": str(_checksum(tensors))})


def _read(content: bytes) -> tuple[Tensors, dict[str, str]]:
    try:
        tensors: Tensors = load(content)
        # The library gives the metadata of files on disk only. It has checked the header by now.
        length = int.from_bytes(content[:LENGTH_BYTES], "little")
        metadata: dict[str, str] = json.loads(content[LENGTH_BYTES : LENGTH_BYTES + length])["__metadata__"]
        intact = metadata["version"] == str(VERSION) and metadata["crc32"] == str(_checksum(tensors))
    except (KeyError, SafetensorError, TypeError, ValueError) as error:
        message = f"not a file of embeddings: {error!r}"
        raise MalformedFile(message) from error
    if not intact:
        message = f"not a file of embeddings of version {VERSION}, or damaged"
        raise MalformedFile(message)
    return tensors, metadata


def _checksum(tensors: Tensors) -> int:
    total = 0
    for name in sorted(tensors):
        total = zlib.crc32(np.ascontiguousarray(tensors[name]).tobytes(), total)
    return total

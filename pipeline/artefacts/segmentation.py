"""A segmentation as `.npz`, to be read with `numpy.load(..., allow_pickle=False)`; 10 MB an hour of audio.

Of a channel that is one party's it is a third of that: its windows are further apart, as it tells no voices apart.

| key | dtype | shape | what |
|---|---|---|---|
| `version` | int64 | () | 2 |
| `probabilities` | float16 | (windows, 7, 589) | probability of each powerset class in each frame of each window |
| `starts` | int64 | (windows,) | first frame of each window on the recording's own grid |
| `duration` | float64 | () | seconds of audio |
| `seconds` | float64 | () | wall-clock seconds that segmentation took |
| `notices` | uint8 | (bytes,) | what a reader should know, as JSON: a list of `{code, message}` |

Frame i of a recording covers 0.016875 s from 0.02253125 + 0.016875 i s (`FRAMES` in `pipeline.segmentation.segmenter`).
The classes are nobody, {0}, {1}, {2}, {0, 1}, {0, 2}, {1, 2}, where 0 to 2 are local speakers: those of another window
may be numbered in another way.

Every digit is kept, as turns hang on them: of 103 turns of three composed conversations steps of 1/4096 (5.6 MB an
hour) change 2, and DER by up to 0.12 points; steps of 1/255 (1.8 MB) change 6, and DER by up to 0.04.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import Any, Final

import numpy as np
from numpy.lib.format import write_array
from numpy.typing import NDArray

from pipeline.artefacts import notices
from pipeline.artefacts.artefact import Made
from pipeline.errors import MalformedFile
from pipeline.segmentation.powerset import Powerset
from pipeline.segmentation.segmenter import FRAME_SAMPLES, WINDOW_FRAMES, Segmentation
from pipeline.types import Notice
from pipeline.waveform import SAMPLE_RATE

VERSION: Final = 2
MAX_BYTES: Final = 2**32
"""Most bytes that a file may say it unpacks to: 14 times what 10 hours take at a window a second."""
UNREADABLE: Final = (
    EOFError,
    KeyError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What reading a damaged zip file or array raises."""
DTYPES: Final[dict[str, np.dtype[Any]]] = {
    "version": np.dtype(np.int64),
    "probabilities": np.dtype(np.float16),
    "starts": np.dtype(np.int64),
    "duration": np.dtype(np.float64),
    "seconds": np.dtype(np.float64),
    "notices": np.dtype(np.uint8),
}


def encode(segmentation: Segmentation, made: Made) -> bytes:
    """Write a segmentation; the same one gives the same bytes."""
    arrays: dict[str, Any] = {
        "version": np.int64(VERSION),
        # A class at a time, as what follows in time is alike. An hour is 14.8 MB in 1.7 s; deflate: 21.6 MB in 0.7 s.
        "probabilities": np.ascontiguousarray(segmentation.probabilities.transpose(0, 2, 1)),
        "starts": segmentation.starts,
        "duration": np.float64(segmentation.duration),
        "seconds": np.float64(made.seconds),
        "notices": np.frombuffer(notices.to_json(segmentation.notices).encode(), np.uint8),
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for key, array in arrays.items():
            entry = zipfile.ZipInfo(f"{key}.npy")
            entry.compress_type = zipfile.ZIP_BZIP2
            with archive.open(entry, "w", force_zip64=True) as member:
                write_array(member, np.asarray(array, dtype=DTYPES[key]), allow_pickle=False)
    return file.getvalue()


def decode(content: bytes) -> tuple[Segmentation, Made]:
    """Read what `encode` wrote; raises `MalformedFile` for anything else."""
    arrays, made = _read(content)
    planes, starts, duration = arrays["probabilities"], arrays["starts"], made.duration
    powerset = Powerset()
    _require(planes.shape == (len(starts), powerset.classes, WINDOW_FRAMES), f"probabilities are {planes.shape}")
    _require(bool(((planes >= 0) & (planes <= 1)).all()), "a probability lies outside 0..1")
    _require(_in_order(starts, duration), "the windows do not follow each other through the recording")
    # In memory as segmentation leaves them: sums in another order have other last digits.
    exact = np.ascontiguousarray(planes.transpose(0, 2, 1))
    return Segmentation(exact, starts, duration, powerset, _notices(arrays["notices"].tobytes())), made


def _notices(content: bytes) -> tuple[Notice, ...]:
    try:
        return notices.from_json(content)
    except (KeyError, TypeError, ValueError) as error:
        message = f"not a segmentation: {error!r}"
        raise MalformedFile(message) from error


def _read(content: bytes) -> tuple[dict[str, NDArray[Any]], Made]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
            _require(unpacked <= MAX_BYTES, f"it would unpack to {unpacked} bytes")
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            # What is in the archive and is no array comes as bytes.
            arrays: dict[str, NDArray[Any]] = {key: np.asarray(file[key]) for key in DTYPES}
        made = Made(duration=float(arrays["duration"]), seconds=float(arrays["seconds"]))
    except UNREADABLE as error:
        message = f"not a segmentation: {error!r}"
        raise MalformedFile(message) from error
    shapes = {key: array.ndim for key, array in arrays.items()}
    _require(
        shapes == dict.fromkeys(DTYPES, 0) | {"probabilities": 3, "starts": 1, "notices": 1}, f"dimensions are {shapes}"
    )
    _require({key: array.dtype for key, array in arrays.items()} == DTYPES, "an array has another type")
    _require(int(arrays["version"]) == VERSION, f"version {arrays['version']} is not {VERSION}")
    return arrays, made


def _in_order(starts: NDArray[Any], duration: float) -> bool:
    """Whether windows start at frame 0, one after the other, and none behind the end of the recording."""
    if not len(starts):
        return True
    inside = int(starts[-1]) * FRAME_SAMPLES <= duration * SAMPLE_RATE
    return bool(starts[0] == 0 and (np.diff(starts) > 0).all() and inside)


def _require(condition: bool, message: str) -> None:  # noqa: FBT001 - reads as an assertion
    if not condition:
        wrong = f"not a segmentation: {message}"
        raise MalformedFile(wrong)

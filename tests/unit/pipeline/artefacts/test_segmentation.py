from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.artefacts import Made
from pipeline.artefacts import segmentation as artefact
from pipeline.errors import MalformedFile
from pipeline.segmentation.segmenter import WINDOW_FRAMES, Segmentation, window_starts
from pipeline.types import Notice
from tests.unit.pipeline.artefacts.damage import damaged
from tests.unit.pipeline.conversation import segment

MADE = Made(duration=23.456, seconds=1.25)


def random_segmentation() -> Segmentation:
    """Probabilities of all sizes, as a network gives them, of 23 s."""
    starts = window_starts(round(MADE.duration * 16_000), 1.0)
    scores = np.random.default_rng(5).normal(0, 6, (len(starts), WINDOW_FRAMES, 7))
    exact = np.exp(scores) / np.exp(scores).sum(axis=2, keepdims=True)
    return Segmentation(exact.astype(np.float16), starts, MADE.duration)


CONTENT = artefact.encode(segment({0: [(1.0, 5.0)]}, 12.0), MADE)
ARRAYS: dict[str, Any] = dict(np.load(io.BytesIO(CONTENT), allow_pickle=False))


def packed(**changes: Any) -> bytes:
    """The arrays of a file, some of them others; None leaves one out."""
    file = io.BytesIO()
    np.savez(file, **{key: array for key, array in {**ARRAYS, **changes}.items() if array is not None})
    return file.getvalue()


def test_every_digit_comes_back() -> None:
    whole = random_segmentation()
    read, made = artefact.decode(artefact.encode(whole, MADE))
    assert np.array_equal(read.probabilities.view(np.uint16), whole.probabilities.view(np.uint16))
    assert np.array_equal(read.starts, whole.starts)
    assert (read.starts.dtype.name, read.duration, read.powerset, made) == ("int64", 23.456, whole.powerset, MADE)


def test_sums_over_what_was_read_have_the_same_last_digits() -> None:
    whole = random_segmentation()
    read, _ = artefact.decode(artefact.encode(whole, MADE))
    assert np.array_equal(read.speech.values, whole.speech.values)
    assert np.array_equal(read.overlap.values, whole.overlap.values)
    assert read.probabilities.flags.c_contiguous


def test_a_recording_without_a_window_comes_back() -> None:
    empty = Segmentation(np.zeros((0, WINDOW_FRAMES, 7), dtype=np.float16), np.zeros(0, dtype=np.int64), 0.0)
    read, _ = artefact.decode(artefact.encode(empty, Made(duration=0.0, seconds=0.0)))
    assert (read.probabilities.shape, read.frames) == ((0, WINDOW_FRAMES, 7), 0)


def test_what_a_reader_should_know_comes_back() -> None:
    noted = replace(random_segmentation(), notices=(Notice("memory_short", "Batches of 2 were used instead of 8."),))
    assert artefact.decode(artefact.encode(noted, MADE))[0].notices == noted.notices


def test_the_same_segmentation_gives_the_same_bytes() -> None:
    assert artefact.encode(random_segmentation(), MADE) == artefact.encode(random_segmentation(), MADE)


def test_numpy_alone_reads_the_file() -> None:
    shapes = {key: (array.dtype.name, array.shape) for key, array in ARRAYS.items()}
    windows = len(ARRAYS["starts"])
    assert shapes == {
        "version": ("int64", ()),
        "probabilities": ("float16", (windows, 7, 589)),
        "starts": ("int64", (windows,)),
        "duration": ("float64", ()),
        "seconds": ("float64", ()),
        "notices": ("uint8", (2,)),
    }


def test_a_file_that_numpy_wrote_is_read() -> None:
    assert np.array_equal(artefact.decode(packed())[0].starts, ARRAYS["starts"])


@given(st.data())
def test_a_damaged_file_is_refused(data: st.DataObject) -> None:
    content = data.draw(damaged(CONTENT))
    try:
        read, _ = artefact.decode(content)
    except MalformedFile:
        return
    # A date or a flag of the archive may change; what it holds may not.
    assert np.array_equal(read.probabilities.transpose(0, 2, 1), ARRAYS["probabilities"])
    assert np.array_equal(read.starts, ARRAYS["starts"])


@pytest.mark.parametrize(
    "changes",
    [
        {"version": np.int64(1)},
        {"version": None},
        {"starts": None},
        {"starts": ARRAYS["starts"][:-1]},
        {"starts": ARRAYS["starts"] + 1},
        {"starts": ARRAYS["starts"][::-1]},
        {"starts": ARRAYS["starts"] * 100},
        {"starts": ARRAYS["starts"].astype(np.float64)},
        {"starts": ARRAYS["starts"][:, None]},
        {"probabilities": ARRAYS["probabilities"] * np.float16(2)},
        {"probabilities": ARRAYS["probabilities"] * np.float16(np.nan)},
        {"probabilities": ARRAYS["probabilities"].astype(np.float32)},
        {"probabilities": ARRAYS["probabilities"][:, :4]},
        {"duration": np.float64(np.nan)},
        {"duration": np.float64(-1.0)},
        {"seconds": np.float64(np.inf)},
        {"notices": np.frombuffer(b'[{"code": 1}]', np.uint8)},
        {"notices": np.frombuffer(b"[", np.uint8)},
        {"notices": None},
    ],
)
def test_arrays_that_make_no_segmentation_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedFile):
        artefact.decode(packed(**changes))


def test_objects_are_never_unpickled() -> None:
    file = io.BytesIO()
    np.savez(file, allow_pickle=True, **{**ARRAYS, "starts": np.array([{}], dtype=object)})
    with pytest.raises(MalformedFile, match="allow_pickle=False"):
        artefact.decode(file.getvalue())


def test_a_file_that_would_fill_the_memory_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artefact, "MAX_BYTES", 10_000)
    with pytest.raises(MalformedFile, match="would unpack to"):
        artefact.decode(CONTENT)


def test_what_is_no_array_in_the_archive_is_refused() -> None:
    file = io.BytesIO(CONTENT)
    with zipfile.ZipFile(file) as old:
        members = {name: old.read(name) for name in old.namelist()}
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as new:
        for name, content in members.items():
            new.writestr(name, b"frames" if name == "starts.npy" else content)
    with pytest.raises(MalformedFile):
        artefact.decode(other.getvalue())

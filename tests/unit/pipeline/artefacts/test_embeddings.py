from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import load, save

from pipeline.artefacts import Made
from pipeline.artefacts import embeddings as artefact
from pipeline.embedding.local_speakers import LocalSpeakers
from pipeline.errors import MalformedFile
from pipeline.types import Notice, Speaker
from tests.unit.pipeline.artefacts.damage import damaged

MADE = Made(duration=14.0, seconds=0.125)


def voices(windows: int = 5, dimension: int = 4) -> LocalSpeakers:
    """Random voices, the local speaker 2 of every window without one."""
    random = np.random.default_rng(3)
    embeddings = random.normal(0, 1, (windows, 3, dimension)).astype(np.float32)
    embeddings[:, 2] = np.nan
    seconds = random.uniform(0, 10, (2, windows, 3)).astype(np.float32)
    return LocalSpeakers(embeddings, seconds[0], seconds[1])


CONTENT = artefact.encode(voices(), MADE)
SPEAKERS = (
    Speaker(label="SPEAKER_00", speech_seconds=3.0, embedding=(0.6, 0.8, 0.0, 0.0)),
    Speaker(label="SPEAKER_01", speech_seconds=0.1),
    Speaker(label="Ann B", speech_seconds=2.0, embedding=(0.0, 0.0, 0.6, 0.8)),
)


@pytest.mark.parametrize("windows", [0, 1, 5])
def test_every_digit_comes_back(windows: int) -> None:
    local = voices(windows)
    read, made = artefact.decode(artefact.encode(local, MADE))
    assert np.array_equal(read.embeddings, local.embeddings, equal_nan=True)
    assert np.array_equal(read.clean_seconds, local.clean_seconds)
    assert np.array_equal(read.active_seconds, local.active_seconds)
    assert read.embeddings.dtype == np.float32
    assert made == MADE


def test_what_a_reader_should_know_comes_back() -> None:
    noted = replace(voices(), notices=(Notice("memory_short", "Batches of 2 were used instead of 8."),))
    assert artefact.decode(artefact.encode(noted, MADE))[0].notices == noted.notices


def test_a_recording_in_which_nobody_could_be_heard_keeps_its_dimension() -> None:
    nobody = LocalSpeakers(np.full((2, 3, 4), np.nan, dtype=np.float32), *np.zeros((2, 2, 3), dtype=np.float32))
    read, _ = artefact.decode(artefact.encode(nobody, MADE))
    assert read.embeddings.shape == (2, 3, 4)
    assert not read.embedded.any()


def test_only_local_speakers_with_a_voice_take_space() -> None:
    tensors = load(CONTENT)
    assert tensors["embeddings"].shape == (10, 4)
    assert tensors["windows"].tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert tensors["local_speakers"].tolist() == [0, 1] * 5


def test_the_published_file_holds_the_speakers_and_their_labels(tmp_path: Path) -> None:
    path = tmp_path / "embeddings.safetensors"
    path.write_bytes(artefact.with_speakers(CONTENT, SPEAKERS))
    with safe_open(path, "np") as file:
        labels = json.loads(file.metadata()["labels"])
        published = dict(zip(labels, file.get_tensor("speakers").tolist(), strict=True))
    assert list(published) == ["SPEAKER_00", "Ann B"]
    assert published["Ann B"] == pytest.approx([0.0, 0.0, 0.6, 0.8])


def test_the_published_file_can_be_clustered_again() -> None:
    read, made = artefact.decode(artefact.with_speakers(CONTENT, SPEAKERS))
    assert np.array_equal(read.embeddings, voices().embeddings, equal_nan=True)
    assert made == MADE


def test_speakers_alone_can_be_published() -> None:
    assert list(load(artefact.with_speakers(None, SPEAKERS))) == ["speakers"]
    assert load(artefact.with_speakers(None, SPEAKERS[1:2]))["speakers"].shape == (0, 0)


def test_a_file_of_speakers_alone_is_no_checkpoint() -> None:
    with pytest.raises(MalformedFile, match="embeddings"):
        artefact.decode(artefact.with_speakers(None, SPEAKERS))


@given(st.data())
def test_a_damaged_file_is_refused(data: st.DataObject) -> None:
    content = data.draw(damaged(CONTENT))
    try:
        read, _ = artefact.decode(content)
    except MalformedFile:
        return
    # The header of the file holds the seconds, which no sum guards; the tensors are guarded.
    assert np.array_equal(read.embeddings, voices().embeddings, equal_nan=True)


@pytest.mark.parametrize(
    "changes",
    [
        {"windows": np.full(10, 99, dtype=np.int32)},
        {"windows": np.full(10, -1, dtype=np.int32)},
        {"windows": np.zeros(10, dtype=np.float32)},
        {"windows": np.zeros(9, dtype=np.int32)},
        {"local_speakers": np.full(10, 3, dtype=np.uint8)},
        {"clean_seconds": np.zeros((4, 3), dtype=np.float32)},
        {"clean_seconds": np.zeros(5, dtype=np.float32)},
        {"embeddings": np.zeros((10, 4), dtype=np.float64)},
        {"embeddings": np.zeros((10, 4, 1), dtype=np.float32)},
    ],
)
def test_tensors_that_do_not_belong_together_are_refused(changes: dict[str, np.ndarray]) -> None:
    tensors = {**load(CONTENT), **changes}
    metadata = {"version": "1", "duration": "14.0", "seconds": "0.1", "crc32": str(artefact._checksum(tensors))}
    with pytest.raises(MalformedFile, match="not embeddings"):
        artefact.decode(save(tensors, metadata))


@pytest.mark.parametrize("metadata", [None, {"version": "1"}, {"version": "2", "crc32": "0"}])
def test_tensors_from_elsewhere_are_refused(metadata: dict[str, str] | None) -> None:
    with pytest.raises(MalformedFile, match="file of embeddings"):
        artefact.decode(save(load(CONTENT), metadata))

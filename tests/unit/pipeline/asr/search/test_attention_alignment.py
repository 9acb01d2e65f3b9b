from __future__ import annotations

import json
import shutil
import statistics
from pathlib import Path

import ctranslate2
import numpy as np
import pytest
import torch
from scipy.ndimage import median_filter

from pipeline.asr.own_whisper import load_own
from pipeline.asr.search.attention_alignment import AttentionAlignment, smoothed, steadiest
from pipeline.types import FloatArray
from tests.unit.pipeline.asr.network import small_whisper
from tests.unit.pipeline.asr.network.small_whisper import PROMPT

pytestmark = small_whisper.on_x86

FRAMES = (400, 300)
TEXTS = ((3, 17, 40, 41, 8, 90, 12, 5), (77, 2, 30))


def with_heads(folder: Path, copy: Path, heads: list[list[int]] | None) -> Path:
    shutil.copytree(folder, copy, dirs_exist_ok=True)
    path = copy / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "alignment_heads": heads}))
    return copy


def alignment(folder: Path) -> AttentionAlignment:
    own = load_own(folder, small_whisper.token)
    assert own is not None
    return own.alignment


def first_frames(path: list[tuple[int, int]]) -> list[int]:
    """Of each token on CTranslate2's path."""
    return [min(frame for token, frame in path if token == number) for number in range(path[-1][0] + 1)]


@pytest.mark.parametrize("heads", [[[0, 1]], [[0, 0], [1, 0], [1, 1]]])
def test_tokens_begin_where_ctranslate2_says(folder: Path, tmp_path: Path, heads: list[list[int]]) -> None:
    """But for the rounding to integers, which moves some by a frame or two. Nor are their probabilities others."""
    copy = with_heads(folder, tmp_path, heads)
    theirs, ours = small_whisper.network(copy), alignment(copy)
    for chunk, text in zip(small_whisper.encode(folder, *FRAMES), TEXTS, strict=True):
        frames = chunk.shape[1] - 20
        view = ctranslate2.StorageView.from_array(chunk)
        (expected,) = theirs.align(view, PROMPT[:1], [list(text)], [2 * frames])
        found = ours(torch.from_numpy(chunk[0]), PROMPT[:1], text, frames)
        assert len(found.first_frames) == len(text) + 1
        assert list(found.first_frames) == sorted(found.first_frames)
        apart = [abs(a - b) for a, b in zip(found.first_frames, first_frames(expected.alignments), strict=True)]
        assert statistics.median(apart) <= 2
        assert found.probabilities == pytest.approx(expected.text_token_probs, rel=0.1, abs=0.002)


def test_where_no_heads_are_named_the_later_half_of_the_layers_is_looked_at(folder: Path, tmp_path: Path) -> None:
    (chunk,) = small_whisper.encode(folder, FRAMES[0])
    unnamed, named = (
        alignment(with_heads(folder, tmp_path / name, heads))(torch.from_numpy(chunk[0]), PROMPT[:1], TEXTS[0], 150)
        for name, heads in (("unnamed", None), ("named", [[1, 0], [1, 1]]))
    )
    assert unnamed == named


def test_of_no_text_only_the_end_is_aligned(folder: Path) -> None:
    (chunk,) = small_whisper.encode(folder, FRAMES[0])
    found = alignment(folder)(torch.from_numpy(chunk[0]), PROMPT[:1], (), 150)
    assert (found.first_frames, found.probabilities) == ((0,), ())


def test_a_control_token_in_a_text_is_aligned_like_any_other(folder: Path) -> None:
    (chunk,) = small_whisper.encode(folder, FRAMES[0])
    found = alignment(folder)(torch.from_numpy(chunk[0]), PROMPT[:1], (3, small_whisper.END + 2, 8), 150)
    assert (len(found.first_frames), len(found.probabilities)) == (4, 3)


@pytest.mark.parametrize("frames", [4, 7, 60])
def test_smoothing_takes_medians(frames: int) -> None:
    values = np.random.default_rng(2).standard_normal((2, 3, frames)).astype(np.float32)
    expected = median_filter(values, size=(1, 1, 7), mode="mirror")
    assert np.array_equal(smoothed(torch.from_numpy(values)).numpy(), expected)
    few = torch.ones(1, 2, 3)
    assert smoothed(few) is few


def best_sum(gain: FloatArray) -> float:
    """Of all ways through, field by field."""
    best = np.full(gain.shape, -np.inf)
    for row, column in np.ndindex(gain.shape):
        before = [
            best[row - up, column - left] for up, left in ((1, 1), (1, 0), (0, 1)) if row >= up and column >= left
        ]
        best[row, column] = gain[row, column] + max(before, default=0.0)
    return float(best[-1, -1])


@pytest.mark.parametrize("shape", [(1, 5), (3, 3), (7, 30), (12, 5), (2, 1)])
def test_the_steadiest_way_has_the_largest_sum(shape: tuple[int, int]) -> None:
    chance = np.random.default_rng(3)
    for _ in range(20):
        gain = chance.standard_normal(shape).astype(np.float32)
        first = steadiest(gain)
        assert first[0] == 0
        # Into each row at its first column, from the same column or the one before; which of them, the sum decides.
        last = [*first[1:], shape[1] - 1]
        options = [{column, column - 1} for column in first[1:]]
        assert all(column >= 0 for column in first)
        sums = {0.0}
        for row in range(shape[0]):
            ends = {last[row]} if row == shape[0] - 1 else {end for end in options[row] if end >= first[row]}
            sums = {total + float(gain[row, first[row] : end + 1].sum()) for total in sums for end in ends}
        assert max(sums) == pytest.approx(best_sum(gain), abs=1e-4)

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from torch import Tensor

from pipeline.batch_size import BatchSize
from pipeline.embedding import local_speakers
from pipeline.embedding.encoder import FEATURES_PER_SECOND, SpeakerEncoder
from pipeline.embedding.local_speakers import TILES, LocalSpeakers, _tiling, embed_local_speakers
from pipeline.segmentation.segmenter import WINDOW_FRAMES, window_starts
from pipeline.waveform import SAMPLE_RATE
from tests.unit.pipeline.conversation import (
    PROFILE,
    ToneNetwork,
    Turns,
    direction,
    labels_of,
    segment,
    sing,
    voice_of,
)

TALK: Turns = {0: [(1.0, 6.0), (14.0, 19.0)], 1: [(6.5, 13.0), (24.0, 30.0)], 2: [(19.5, 24.0)]}


class CountingEncoder(SpeakerEncoder):
    """Remembers how much it was given to listen to."""

    def __init__(self, rate: float = 100) -> None:
        super().__init__(ToneNetwork(rate), PROFILE)
        self.heard = 0.0
        self.calls = 0

    def stretch_frames(self, stretches: Sequence[Tensor], batches: BatchSize) -> list[Tensor]:
        self.heard += sum(map(len, stretches)) / FEATURES_PER_SECOND
        self.calls += 1
        return super().stretch_frames(stretches, batches)


def embed(turns: Turns, duration: float, rate: float = 100, step: float = 1.0) -> tuple[LocalSpeakers, CountingEncoder]:
    encoder = CountingEncoder(rate)
    return embed_local_speakers(sing(turns, duration), segment(turns, duration, step), encoder), encoder


@pytest.mark.parametrize("rate", [100, 50, 12.5])
def test_every_local_speaker_sounds_like_the_voice_it_is(rate: float) -> None:
    """Whatever the network's frame rate; also where several voices share a window."""
    local, _ = embed(TALK, 31.0, rate)
    labels = labels_of(segment(TALK, 31.0), TALK)
    clear = local.embedded & (local.clean_seconds >= 1.0)
    assert clear.sum() > 40
    for window, speaker in np.argwhere(clear):
        assert local.embeddings[window, speaker] @ direction(labels[window, speaker]) > 0.97


def test_embeddings_have_unit_norm_or_are_not_there() -> None:
    local, _ = embed(TALK, 31.0)
    norms = np.linalg.norm(local.embeddings[local.embedded], axis=1)
    assert np.allclose(norms, 1, atol=1e-5)
    assert np.isnan(local.embeddings[~local.embedded]).all()


def test_who_is_not_there_has_no_embedding() -> None:
    local, _ = embed(TALK, 31.0)
    assert not local.embedded[local.active_seconds == 0].any()
    assert (local.active_seconds[0] > 0).tolist() == [True, True, False]


def test_no_second_of_speech_goes_through_the_network_twice() -> None:
    """Windows that overlap by nine tenths share their frames."""
    local, encoder = embed(TALK, 31.0)
    assert len(local.embeddings) > 20
    spoken = sum(end - start for turns in TALK.values() for start, end in turns)
    assert spoken - 1.0 <= encoder.heard <= spoken + 0.2


def test_windows_are_listened_to_together_as_each_was_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that their stretches share batches; a bounded number, and what one has heard the next leaves out."""
    turns: Turns = {0: [(0.5, 14.0), (30.0, 58.0)], 1: [(14.2, 29.0), (58.5, 99.0)]}
    together, encoder = embed(turns, 100.0)
    monkeypatch.setattr(local_speakers, "TILES", 1)
    alone, one_by_one = embed(turns, 100.0)
    windows = 11  # those that cover it
    assert (encoder.calls, one_by_one.calls) == (-(-windows // TILES), windows)
    assert encoder.heard == pytest.approx(one_by_one.heard)
    assert np.array_equal(together.embeddings, alone.embeddings, equal_nan=True)


def test_all_that_is_heard_alone_can_be_pooled_by_the_last_window_as_well() -> None:
    """The last window is laid back over what is known already, and only the rest is computed."""
    turns: Turns = {0: [(0.5, 24.0)]}
    local, encoder = embed(turns, 24.3)
    assert local.embedded[:, 0].all()
    assert encoder.heard == pytest.approx(23.5, abs=0.3)


def test_seconds_are_counted_alone_and_in_all() -> None:
    turns: Turns = {0: [(0.0, 6.0)], 1: [(4.0, 9.0)]}
    local, _ = embed(turns, 10.0)
    assert local.active_seconds[0] == pytest.approx([6.0, 5.0, 0.0], abs=0.05)
    assert local.clean_seconds[0] == pytest.approx([4.0, 3.0, 0.0], abs=0.05)


def test_a_mask_leaves_out_where_another_speaks_as_well() -> None:
    turns: Turns = {0: [(0.0, 6.0)], 1: [(4.0, 9.0)]}
    local, _ = embed(turns, 10.0)
    assert local.embeddings[0, 0] @ direction(0) > 0.97
    assert local.embeddings[0, 1] @ direction(1) > 0.97


def test_a_voice_never_heard_alone_has_no_embedding() -> None:
    """Only frames in which somebody is alone are computed; the mixture of two says nothing about either."""
    local, _ = embed({0: [(0.0, 8.0)], 1: [(3.0, 5.0)]}, 10.0)
    assert local.embedded[0].tolist() == [True, False, False]


def test_scraps_have_no_embedding() -> None:
    local, encoder = embed({0: [(2.0, 2.2)]}, 10.0)
    assert local.active_seconds[0, 0] == pytest.approx(0.2, abs=0.02)
    assert not local.embedded.any()
    assert encoder.heard == 0.0


def test_short_recordings_and_empty_ones_are_embedded_as_far_as_they_go() -> None:
    local, _ = embed({4: [(0.2, 1.4)]}, 1.5)
    assert voice_of(local.embeddings[0, 0]) == 4
    assert len(embed({}, 0.0)[0].embeddings) == 0
    assert not embed({}, 0.01)[0].embedded.any()


def test_progress_grows_to_the_length_of_the_recording() -> None:
    told: list[tuple[str, float, float]] = []
    embed_local_speakers(
        sing(TALK, 31.0),
        segment(TALK, 31.0),
        CountingEncoder(),
        lambda stage, done, total: told.append((stage, done, total)),
    )
    assert {stage for stage, _, _ in told} == {"embedding"}
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert told[-1][1:] == (31.0, 31.0)


@pytest.mark.parametrize("step", [0.5, 3.0, 7.0])
def test_nothing_stays_unheard_whatever_the_step_of_the_windows(step: float) -> None:
    _, encoder = embed({0: [(0.5, 39.5)]}, 40.0, step=step)
    assert encoder.heard == pytest.approx(39.0, abs=0.5)


@pytest.mark.parametrize("seconds", [0.5, 10.0, 10.1, 25.0, 61.7, 300.0])
@pytest.mark.parametrize("step", [0.01, 0.5, 1.0, 3.0, 7.0, 10.0])
def test_tiling_windows_cover_the_recording(seconds: float, step: float) -> None:
    """But for what lies between two windows themselves, where their step is as long as they are."""
    starts = window_starts(round(seconds * SAMPLE_RATE), step)
    chosen = _tiling(starts)
    assert chosen[0] == 0
    assert chosen[-1] == len(starts) - 1
    assert (np.diff(chosen) > 0).all()
    assert np.diff(starts[chosen]).max(initial=0) <= max(WINDOW_FRAMES + 1, np.diff(starts).max(initial=0))


def test_tiling_windows_a_second_apart_lie_end_to_end() -> None:
    starts = window_starts(300 * SAMPLE_RATE, 1.0)
    gaps = np.diff(starts[_tiling(starts)])
    assert set(gaps[:-1].tolist()) == {WINDOW_FRAMES + 1}


def test_an_empty_recording_has_no_tiles() -> None:
    assert _tiling(window_starts(0, 1.0)) == []

from __future__ import annotations

import numpy as np
import pytest

from pipeline import relabelling
from pipeline.hooks import NullHook
from pipeline.options import RelabellingOptions
from pipeline.relabelling import Pieces, cut_pieces, embed_pieces, merge_same, relabel, speaker_centroids
from pipeline.segmentation.segmenter import FRAMES
from pipeline.types import BoolArray, FloatArray
from tests.unit.pipeline.conversation import Turns, direction, frames_of, sing, tone_encoder, voice_of

OPTIONS = RelabellingOptions()
SECONDS = 30.0
FRAME_COUNT = round(SECONDS / FRAMES.step)
SUNG: Turns = {0: [(1.0, 9.0), (20.0, 24.0)], 1: [(10.0, 19.0), (25.0, 27.0)]}


def near(frame: int) -> float:
    return round(FRAMES.edge(frame), 1)


def labelled(turns: Turns) -> tuple[BoolArray, FloatArray]:
    """Activity as somebody believes it to be, (frames, 2), and scores to go with it."""
    active = frames_of(turns, FRAME_COUNT)
    return active, np.where(active, 0.8, 0.1).astype(np.float32)


def listen(active: BoolArray) -> Pieces:
    return embed_pieces(sing(SUNG, SECONDS), active, tone_encoder(), OPTIONS, NullHook())


def test_pieces_are_cut_from_where_one_is_alone() -> None:
    active, _ = labelled({0: [(1.0, 5.0)], 1: [(3.0, 3.9), (6.0, 6.3)]})
    spans, speakers = cut_pieces(active, OPTIONS)
    assert [(near(first), near(last)) for first, last in spans] == [(1.0, 3.0), (3.9, 5.0)]
    assert speakers.tolist() == [0, 0]


def test_long_stretches_are_cut_evenly_and_pieces_are_in_order() -> None:
    active, _ = labelled({0: [(10.0, 16.0)], 1: [(1.0, 3.0)]})
    spans, speakers = cut_pieces(active, OPTIONS)
    assert speakers.tolist() == [1, 0, 0, 0]
    assert [round((last - first) * FRAMES.step) for first, last in spans] == [2, 2, 2, 2]
    assert spans[1:, 0].tolist() == [spans[1, 0], *spans[1:-1, 1].tolist()]


def test_nobody_alone_means_no_pieces() -> None:
    spans, speakers = cut_pieces(np.ones((100, 2), dtype=np.bool_), OPTIONS)
    assert spans.shape == (0, 2)
    assert speakers.shape == (0,)


def test_a_piece_moves_to_its_voice() -> None:
    """The second turn of voice 0 was given to voice 1."""
    active, scores = labelled({0: [(1.0, 9.0)], 1: [(10.0, 19.0), (20.0, 24.0), (25.0, 27.0)]})
    voices = relabel(active, scores, listen(active), OPTIONS)
    assert np.array_equal(active, frames_of(SUNG, FRAME_COUNT))
    assert voice_of(voices[0]) == 0
    assert voice_of(voices[1]) == 1


def test_scores_move_with_the_piece() -> None:
    active, scores = labelled({0: [(1.0, 9.0)], 1: [(10.0, 19.0), (20.0, 24.0), (25.0, 27.0)]})
    relabel(active, scores, listen(active), OPTIONS)
    assert np.array_equal(scores > 0.5, active)


def test_right_labels_stay() -> None:
    active, scores = labelled(SUNG)
    relabel(active, scores, listen(active), OPTIONS)
    assert np.array_equal(active, frames_of(SUNG, FRAME_COUNT))


def test_short_runs_stay_with_their_speaker() -> None:
    """A third of a second is too little to know a voice by."""
    active, scores = labelled({0: [(1.0, 9.0)], 1: [(10.0, 19.0), (20.0, 20.3)]})
    before = active.copy()
    relabel(active, scores, listen(active), OPTIONS)
    assert np.array_equal(active, before)


def test_overlap_stays_as_it_is() -> None:
    both: Turns = {0: [(1.0, 9.0)], 1: [(4.0, 5.0), (10.0, 19.0)]}
    active, scores = labelled(both)
    relabel(active, scores, listen(active), OPTIONS)
    assert np.array_equal(active, frames_of(both, FRAME_COUNT))


def test_a_speaker_without_a_piece_has_no_voice_and_gets_none() -> None:
    active, scores = labelled({0: [(1.0, 9.0)], 1: [(10.0, 19.0)], 2: [(20.0, 20.2)]})
    voices = relabel(active, scores, listen(active), OPTIONS)
    assert np.isnan(voices[2]).all()
    assert active[:, 2].sum() * FRAMES.step == pytest.approx(0.2, abs=0.02)


def test_no_pieces_leave_everything_as_it_is() -> None:
    active, scores = labelled({0: [(1.0, 1.2)], 1: [(3.0, 3.2)]})
    before = active.copy()
    assert np.isnan(relabel(active, scores, listen(active), OPTIONS)).all()
    assert np.array_equal(active, before)


def test_a_voice_is_the_mean_of_its_long_pieces() -> None:
    """A short piece has no say, unless there is nothing else."""
    seconds = np.array([[0, 120], [200, 240], [300, 330]])
    embeddings = np.stack([direction(0), direction(1), direction(2)])
    pieces = Pieces(seconds, np.array([0, 0, 1]), embeddings)
    voices = speaker_centroids(pieces, 2, min_model=1.0)
    assert np.allclose(voices[0], direction(0))
    assert np.allclose(voices[1], direction(2))
    everything = speaker_centroids(pieces, 2, min_model=0.0)
    assert everything[0] @ direction(0) == pytest.approx(3 * (everything[0] @ direction(1)), rel=1e-4)


SPLINTERED: Turns = {0: [(1.0, 9.0)], 1: [(10.0, 19.0)], 2: [(20.0, 24.0)]}
"""Speaker 2 is a splinter of speaker 0."""


def merged(*, fewest: int, same_speaker: float = 0.85) -> tuple[BoolArray, FloatArray, FloatArray]:
    active, scores = labelled(SPLINTERED)
    splinter = np.sqrt(0.9, dtype=np.float32) * direction(0) + np.sqrt(0.1, dtype=np.float32) * direction(3)
    voices = np.stack([direction(0), direction(1), splinter])
    return merge_same(active, scores, voices, same_speaker, fewest)


def test_a_splinter_of_a_voice_goes_back_to_it() -> None:
    active, scores, voices = merged(fewest=1)
    assert np.array_equal(active, frames_of({0: [(1.0, 9.0), (20.0, 24.0)], 1: [(10.0, 19.0)]}, FRAME_COUNT))
    assert np.array_equal(scores > 0.5, active)
    assert [voice_of(voice) for voice in voices] == [0, 1]


@pytest.mark.parametrize(("fewest", "same_speaker", "left"), [(3, 0.85, 3), (2, 0.85, 2), (1, 0.99, 3), (1, -1.0, 1)])
def test_speakers_merge_only_if_they_sound_the_same_and_never_below_what_was_asked_for(
    fewest: int, same_speaker: float, left: int
) -> None:
    active, scores, voices = merged(fewest=fewest, same_speaker=same_speaker)
    assert active.shape[1] == scores.shape[1] == len(voices) == left


def test_progress_grows_with_the_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relabelling, "PIECES", 2)
    told: list[tuple[str, float]] = []
    active, _ = labelled(SUNG)
    embed_pieces(
        sing(SUNG, SECONDS), active, tone_encoder(), OPTIONS, lambda stage, done, total: told.append((stage, done))
    )
    assert len(told) > 1
    assert {stage for stage, _ in told} == {"relabelling"}
    assert [done for _, done in told] == sorted(done for _, done in told)

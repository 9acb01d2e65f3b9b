"""Sliding over a recording; the network is one that hears how loud it is."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from pipeline.options import SegmentationOptions
from pipeline.segmentation.pyannet import PyanNet
from pipeline.segmentation.segmenter import (
    FRAME_SAMPLES,
    FRAMES,
    RECEPTIVE_FIELD,
    WINDOW_FRAMES,
    WINDOW_SAMPLES,
    Segmentation,
    Segmenter,
    window_starts,
)
from pipeline.waveform import SAMPLE_RATE, Waveform
from tests.unit.pipeline.conversation import POWERSET, of_windows

LOUD = 0.5


class LoudnessNetwork(PyanNet):
    """One speaker wherever the middle of a frame is loud, nobody elsewhere; memory for `room` windows."""

    def __init__(self, room: int = 100) -> None:
        nn.Module.__init__(self)
        self.room = room
        self.batches: list[int] = []

    def prepare(self, dtype: torch.dtype) -> None:
        """Has no numbers."""

    def forward(self, samples: Tensor, starts: Sequence[int], length: int) -> Tensor:
        self.batches.append(len(starts))
        if len(starts) > self.room:
            message = "CUDA out of memory. Tried to allocate 512.00 MiB."
            raise torch.OutOfMemoryError(message)
        middles = torch.arange(WINDOW_FRAMES) * FRAME_SAMPLES + RECEPTIVE_FIELD // 2
        windows = torch.stack([samples[start : start + length] for start in starts])
        loud = windows[:, middles].abs() > LOUD / 2  # (batch, frames)
        classes = nn.functional.one_hot(loud.long(), POWERSET.classes).float()
        return (0.9 * classes + 0.1 / POWERSET.classes).log()


def loud_between(start: float, end: float, duration: float) -> Waveform:
    samples = np.zeros(round(duration * SAMPLE_RATE), dtype=np.float32)
    samples[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)] = LOUD
    return Waveform.of(samples)


@given(st.integers(1, 40 * SAMPLE_RATE), st.floats(0.01, 12))
def test_windows_reach_the_end_and_none_begins_before_the_start(samples: int, step: float) -> None:
    starts = window_starts(samples, step)
    assert starts[0] == 0
    assert starts.min() >= 0
    assert starts[-1] * FRAME_SAMPLES + WINDOW_SAMPLES >= samples
    assert (np.diff(starts) > 0).all()


@given(st.integers(WINDOW_SAMPLES, 40 * SAMPLE_RATE), st.floats(0.01, 12))
def test_at_most_one_frame_of_the_last_window_is_silence_filled_up(samples: int, step: float) -> None:
    beyond = int(window_starts(samples, step)[-1]) * FRAME_SAMPLES + WINDOW_SAMPLES - samples
    assert 0 <= beyond < FRAME_SAMPLES


@given(st.integers(1, 40 * SAMPLE_RATE), st.floats(0.01, 9.9))
def test_windows_leave_no_gap(samples: int, step: float) -> None:
    assert (np.diff(window_starts(samples, step)) <= WINDOW_FRAMES).all()


def test_windows_follow_each_other_by_the_step() -> None:
    starts = window_starts(30 * SAMPLE_RATE, 1.0)
    assert set(np.diff(starts[:-1]).tolist()) == {59}  # 59 frames are 0.996 s


@pytest.mark.parametrize("samples", [1, SAMPLE_RATE, WINDOW_SAMPLES])
def test_a_recording_of_one_window_or_less_has_one_window(samples: int) -> None:
    assert window_starts(samples, 1.0).tolist() == [0]


def test_an_empty_recording_has_no_windows() -> None:
    segmentation = Segmenter(LoudnessNetwork())(Waveform.of(np.zeros(0, dtype=np.float32)))
    assert segmentation.probabilities.shape == (0, WINDOW_FRAMES, 7)
    assert segmentation.frames == 0
    assert segmentation.speech.segments(0.5) == ()


def test_speech_is_found_where_it_is() -> None:
    """Within a frame, also where windows meet and where the last one is laid back."""
    segmentation = Segmenter(LoudnessNetwork())(loud_between(7.0, 14.5, 23.456))
    (found,) = segmentation.speech.segments(0.5)
    assert found.start == pytest.approx(7.0, abs=FRAMES.step)
    assert found.end == pytest.approx(14.5, abs=FRAMES.step)


def test_a_short_recording_is_filled_up_but_its_speech_ends_with_it() -> None:
    (found,) = Segmenter(LoudnessNetwork())(loud_between(0.5, 2.0, 2.0)).speech.segments(0.5)
    assert found.end == pytest.approx(2.0, abs=FRAMES.step)
    assert found.end <= 2.0


def test_windows_go_through_the_network_in_batches_and_come_out_the_same() -> None:
    audio = loud_between(3.0, 9.0, 21.0)
    single, several = LoudnessNetwork(), LoudnessNetwork()
    one = Segmenter(single, SegmentationOptions(step=1.0, batch_size=1))(audio)
    five = Segmenter(several, SegmentationOptions(step=1.0, batch_size=5))(audio)
    assert set(single.batches) == {1}
    assert several.batches == [5, 5, 3]
    assert np.array_equal(one.probabilities, five.probabilities)


def test_batches_may_run_at_the_same_time_and_windows_come_out_the_same() -> None:
    class Meeting(LoudnessNetwork):
        together = threading.Barrier(2)

        def forward(self, samples: Tensor, starts: Sequence[int], length: int) -> Tensor:
            self.together.wait(5.0)
            assert torch.is_inference_mode_enabled()
            return super().forward(samples, starts, length)

    audio, options = loud_between(3.0, 9.0, 24.0), SegmentationOptions(step=1.0, batch_size=4)
    network = Meeting()
    found = Segmenter(network, options, threads=2)(audio)
    assert sorted(network.batches) == [4, 4, 4, 4]
    assert np.array_equal(found.probabilities, Segmenter(LoudnessNetwork(), options)(audio).probabilities)


@pytest.mark.parametrize("threads", [1, 3])
def test_progress_grows_to_the_length_of_the_recording(threads: int) -> None:
    told: list[tuple[str, float, float]] = []
    Segmenter(LoudnessNetwork(), SegmentationOptions(batch_size=4), threads=threads)(
        loud_between(0, 1, 25.0), lambda stage, done, total: told.append((stage, done, total))
    )
    assert {(stage, total) for stage, _, total in told} == {("segmentation", 25.0)}
    done = [seconds for _, seconds, _ in told]
    assert done == sorted(done)
    assert done[-1] == 25.0


def test_a_frame_averages_over_the_windows_that_see_it() -> None:
    nobody, somebody = np.zeros((2, WINDOW_FRAMES, 7), dtype=np.float32)
    nobody[:, 0] = 1
    somebody[:, 2] = 1
    scores = of_windows([nobody, somebody, somebody], (0, 100, 300)).speech.values
    assert scores.shape == (300 + WINDOW_FRAMES,)
    assert np.allclose(scores[[0, 99, 100, 299, 300, 588, 589, 888]], [0, 0, 0.5, 0.5, 2 / 3, 2 / 3, 1, 1])


def test_a_window_counts_less_towards_its_edges_where_few_see_a_frame() -> None:
    """It does not know what lies beyond: the one that sees further decides."""
    nobody, somebody = np.zeros((2, WINDOW_FRAMES, 7), dtype=np.float32)
    nobody[:, 0] = 1
    somebody[:, 2] = 1
    first = WINDOW_FRAMES - 100
    scores = of_windows([nobody, somebody], (0, first)).speech.values
    shared = scores[first : first + 100]
    assert shared[0] < 0.01
    assert shared[-1] > 0.99
    assert np.all(np.diff(shared) >= 0)
    assert shared[49] + shared[50] == pytest.approx(1, abs=0.01)


def test_for_speech_alone_windows_are_few() -> None:
    audio, options = loud_between(3.0, 24.5, 40.0), SegmentationOptions(step=1.0, speech_step=8.0)
    segmenter = Segmenter(LoudnessNetwork(), options)
    few = segmenter.for_speech(audio)
    assert few.starts.tolist() == window_starts(audio.length, 8.0).tolist()
    (found,), (expected,) = (each.speech.segments(0.5) for each in (few, segmenter(audio)))
    assert (found.start, found.end) == (expected.start, expected.end)


def test_overlap_is_the_probability_of_two_at_once() -> None:
    window = np.tile(np.array([0.1, 0.2, 0.1, 0.0, 0.3, 0.2, 0.1], dtype=np.float32), (WINDOW_FRAMES, 1))
    segmentation = of_windows([window])
    assert np.allclose(segmentation.overlap.values, 0.6, atol=1e-3)
    assert np.allclose(segmentation.speech.values, 0.9, atol=1e-3)


def test_frames_that_no_window_sees_count_as_silence() -> None:
    somebody = np.zeros((WINDOW_FRAMES, 7), dtype=np.float32)
    somebody[:, 1] = 1
    starts = np.array([0, WINDOW_FRAMES + 50])
    apart = Segmentation(np.stack([somebody, somebody]).astype(np.float16), starts, 21.0)
    assert apart.speech.values[WINDOW_FRAMES : WINDOW_FRAMES + 50].max() == 0


def test_the_grid_is_the_networks() -> None:
    """Frame 0 belongs in the middle of its receptive field, and the last of 589 still fits into the window."""
    assert PyanNet().eval()(torch.randn(WINDOW_SAMPLES), [0], WINDOW_SAMPLES).shape == (1, WINDOW_FRAMES, 7)
    assert FRAMES.edge(0) + FRAMES.step / 2 == pytest.approx(RECEPTIVE_FIELD / 2 / SAMPLE_RATE)
    assert (WINDOW_SAMPLES - RECEPTIVE_FIELD) // FRAME_SAMPLES + 1 == WINDOW_FRAMES


def test_windows_go_through_in_smaller_batches_where_memory_is_short() -> None:
    audio = loud_between(3, 17, 30)
    small = LoudnessNetwork(room=2)
    found = Segmenter(small, SegmentationOptions(batch_size=8))(audio)
    plenty = Segmenter(LoudnessNetwork(), SegmentationOptions(batch_size=8))(audio)
    assert small.batches[:3] == [8, 4, 2]
    assert np.array_equal(found.probabilities, plenty.probabilities)
    assert [notice.code for notice in found.notices] == ["memory_short"]
    assert plenty.notices == ()

"""The networks and features written here against other implementations of the same, on real speech."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import kaldi_native_fbank
import numpy as np
import onnxruntime
import pytest
import torch

from pipeline.audio import decode, downmix
from pipeline.features import kaldi_fbank
from pipeline.models import ModelStore
from pipeline.segmentation.segmenter import FRAME_SAMPLES, WINDOW_SAMPLES, Segmenter
from pipeline.waveform import SAMPLE_RATE, Waveform

pytestmark = pytest.mark.weights
Weights = Callable[[str], Path]
HALF_PRECISION = 1e-3
"""Probabilities are kept in half precision."""


@pytest.fixture(scope="module")
def conversation(weights: Weights) -> Waveform:
    """Thirty seconds of two people on the telephone."""
    return downmix(decode(weights("sample-conversation")))


@pytest.fixture(scope="module")
def segmentation(weights: Weights, store: ModelStore, conversation: Waveform) -> tuple[np.ndarray, np.ndarray]:
    """Class probabilities of every window, ours and those of the published ONNX export."""
    weights("segmentation-3.0")
    ours = Segmenter.from_pretrained(store)(conversation)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(weights("segmentation-3.0-onnx"), options, ["CPUExecutionProvider"])
    (entry,) = session.get_inputs()
    theirs = []
    for start in ours.starts * FRAME_SAMPLES:
        window = conversation.mono[start : start + WINDOW_SAMPLES]
        padded = np.pad(window, (0, WINDOW_SAMPLES - len(window)))
        theirs.append(session.run(None, {entry.name: padded[None, None]})[0][0])
    return ours.probabilities.astype(np.float32), np.exp(np.stack(theirs))


def test_segmentation_gives_the_probabilities_of_the_published_export(
    segmentation: tuple[np.ndarray, np.ndarray],
) -> None:
    ours, theirs = segmentation
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= HALF_PRECISION


def test_segmentation_decides_every_frame_like_the_published_export(
    segmentation: tuple[np.ndarray, np.ndarray],
) -> None:
    """But for frames that are undecided: two classes closer to each other than half precision tells."""
    ours, theirs = segmentation
    best = np.sort(theirs, axis=2)
    decided = best[..., -1] - best[..., -2] > HALF_PRECISION
    assert decided.mean() > 0.999
    assert np.array_equal(ours.argmax(axis=2)[decided], theirs.argmax(axis=2)[decided])


@pytest.mark.parametrize("name", ["sample-conversation", "sample-two-cities"])
def test_filterbank_of_speech_is_kaldis(name: str, weights: Weights) -> None:
    samples = downmix(decode(weights(name))).mono
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.dither = 0.0
    options.mel_opts.num_bins = 80
    bank = kaldi_native_fbank.OnlineFbank(options)
    bank.accept_waveform(SAMPLE_RATE, samples.tolist())
    bank.input_finished()
    expected = np.stack([bank.get_frame(number) for number in range(bank.num_frames_ready)])
    ours = kaldi_fbank(torch.from_numpy(samples)).numpy()
    assert ours.shape == expected.shape
    assert np.abs(ours - expected).max() <= 2e-3

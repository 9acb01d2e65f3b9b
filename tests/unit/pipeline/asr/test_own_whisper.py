"""Which models are computed here, and which are left to CTranslate2."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest
import torch

from pipeline.asr.network import quantized_linear
from pipeline.asr.network.encoder import WhisperEncoder
from pipeline.asr.own_whisper import can_be_own, load_own
from tests.unit.pipeline.asr.network import small_whisper

pytestmark = small_whisper.on_x86


def test_chunks_are_encoded_in_threads_as_they_are_one_by_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mels = [torch.randn(80, frames, generator=torch.Generator().manual_seed(frames)) for frames in (200, 400, 300)]
    one, two = (load_own(folder, small_whisper.token, threads=threads) for threads in (1, 2))
    assert one is not None
    assert two is not None
    assert all(torch.equal(*pair) for pair in zip(one.encode(mels), two.encode(mels), strict=True))

    meeting, encode = threading.Barrier(2), WhisperEncoder.__call__

    def meet(self: WhisperEncoder, mel: torch.Tensor) -> torch.Tensor:
        meeting.wait(5.0)
        return encode(self, mel)

    monkeypatch.setattr(WhisperEncoder, "__call__", meet)
    assert len(two.encode(mels[:2])) == 2


def test_where_the_processor_lacks_the_products_there_is_none(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert can_be_own()
    monkeypatch.setattr(quantized_linear, "available", lambda: False)
    with caplog.at_level("INFO"):
        assert not can_be_own()
    assert "CTranslate2 computes Whisper" in caplog.text


@pytest.mark.parametrize("content", ["{}", "no JSON", '{"suppress_ids": 3, "suppress_ids_begin": []}'])
def test_a_model_that_is_not_as_expected_is_left_to_ctranslate2(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    (copy / "config.json").write_text(content)
    assert load_own(copy, small_whisper.token) is None
    assert "CTranslate2 computes Whisper" in caplog.text


def test_so_is_one_without_the_control_tokens_or_with_other_weights(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert load_own(folder, lambda name: None) is None
    assert "tokenizer.json lacks" in caplog.text
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    content = (copy / "model.bin").read_bytes()
    (copy / "model.bin").write_bytes(content.replace(b"decoder/layer_0/attention/l", b"decoder/layer_0/attentive/l"))
    assert load_own(copy, small_whisper.token) is None
    assert "attention/layer_norm" in caplog.text

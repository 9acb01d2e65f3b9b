from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from pipeline.asr import faster_whisper
from pipeline.asr.faster_whisper import FasterWhisper
from pipeline.asr.vector_width import VARIABLE, widen

ZEN_4 = dict.fromkeys(("avx2", "avx512_f", "avx512_cd", "avx512_vl", "avx512_bw", "avx512_dq", "avx512_bf16"), True)


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "")  # so that it is put back afterwards, whatever the test does
    monkeypatch.delenv(VARIABLE)


def on(monkeypatch: pytest.MonkeyPatch, able: dict[str, bool]) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)


def test_a_processor_that_can_computes_with_wide_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    on(monkeypatch, ZEN_4)
    widen()
    assert os.environ[VARIABLE] == "AVX512"


@pytest.mark.parametrize("lacking", [name for name in ZEN_4 if name != "avx2"])
def test_one_that_lacks_any_of_it_is_left_to_the_library(monkeypatch: pytest.MonkeyPatch, lacking: str) -> None:
    """CTranslate2 refuses to start with instructions that are not there."""
    on(monkeypatch, {**ZEN_4, lacking: False})
    widen()
    assert VARIABLE not in os.environ


def test_another_architecture_is_left_to_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    on(monkeypatch, {"neon": True})
    widen()
    assert VARIABLE not in os.environ


def test_what_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    on(monkeypatch, ZEN_4)
    monkeypatch.setenv(VARIABLE, "AVX2")
    widen()
    assert os.environ[VARIABLE] == "AVX2"


def test_a_recognizer_asks_for_them_before_it_loads_its_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Loading(Exception):
        pass

    def model(*_: Any, **__: Any) -> None:
        raise Loading(os.environ.get(VARIABLE))

    for name in ("model.bin", "tokenizer.json"):
        (tmp_path / name).touch()
    on(monkeypatch, ZEN_4)
    monkeypatch.setattr(faster_whisper, "require", lambda *_: SimpleNamespace(WhisperModel=model))
    with pytest.raises(Loading, match="AVX512"):
        FasterWhisper(tmp_path, name="any", device="cpu", compute_type=None, threads=1)

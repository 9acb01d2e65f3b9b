from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
import pytest
import torch

from pipeline.asr.sleeping_network import SleepingNetwork
from tests.unit.pipeline.asr.network import small_whisper

MEL = np.random.default_rng(1).standard_normal((1, small_whisper.SIZES.mels, 200)).astype(np.float32)


def encoded(network: Any) -> Any:
    return np.array(network.encode(ctranslate2.StorageView.from_array(MEL), to_cpu=True))


def test_a_network_that_slept_computes_as_before(folder: Path) -> None:
    network = small_whisper.network(folder)
    sleeping, before = SleepingNetwork(network), encoded(network)
    sleeping.sleep()
    assert not network.model_is_loaded
    assert (sleeping.multilingual, sleeping.on_cpu) == (False, True)
    assert np.array_equal(encoded(sleeping.awake()), before)
    assert network.model_is_loaded


def test_of_many_that_need_it_one_reads_it(folder: Path) -> None:
    class Counted:
        """Reads for a while."""

        is_multilingual, device, model_is_loaded, read = True, "cpu", False, 0

        def load_model(self) -> None:
            self.read += 1
            threading.Event().wait(0.05)
            self.model_is_loaded = True

    network = Counted()
    sleeping = SleepingNetwork(network)
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda _: sleeping.awake(), range(4))) == [network] * 4
    assert network.read == 1


def test_who_wakes_it_keeps_its_threads(folder: Path) -> None:
    sleeping = SleepingNetwork(ctranslate2.models.Whisper(str(folder), device="cpu", intra_threads=3))
    sleeping.sleep()
    before = torch.get_num_threads()
    sleeping.awake()
    assert torch.get_num_threads() == before


def test_a_model_that_is_gone_is_told(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    sleeping = SleepingNetwork(small_whisper.network(tmp_path))
    sleeping.sleep()
    (tmp_path / "model.bin").unlink()
    with pytest.raises(RuntimeError, match=r"model\.bin"):
        sleeping.awake()

"""What is asked of CTranslate2, by device."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from ctranslate2 import StorageView

from pipeline.asr.encoded import Encoded
from pipeline.asr.whisper_model import WhisperParts

ENCODED = np.arange(3 * 4 * 2, dtype=np.float32).reshape(3, 4, 2)
TEXTS = [(1, 2), (), (3,)]


@dataclass
class Network:
    """Answers with what it was asked, chunk by chunk."""

    device: str
    calls: list[int] = field(default_factory=list)

    def align(self, encoded: Any, start: list[int], texts: list[list[int]], frames: list[int]) -> list[Any]:
        chunks = np.asarray(encoded)
        self.calls.append(len(chunks))
        return list(zip(chunks.tolist(), [start] * len(texts), texts, frames, strict=True))


@pytest.mark.parametrize(("device", "calls"), [("cpu", [1, 1, 1]), ("cuda", [3])])
def test_chunks_are_aligned_one_by_one_on_a_cpu_and_together_on_a_gpu(device: str, calls: list[int]) -> None:
    network = Network(device)
    parts = WhisperParts(
        network=network, tokenizer=None, max_tokens=448, fresh_network=lambda: network, own=None, languages={}
    )
    apart = Encoded.apart([chunk[None] for chunk in ENCODED])
    encoded = apart if device == "cpu" else Encoded.together(StorageView.from_array(ENCODED))
    found = parts.align(encoded, [9], TEXTS, [10, 20, 30])
    assert network.calls == calls
    assert found == [
        (ENCODED[0].tolist(), [9], [1, 2], 10),
        (ENCODED[1].tolist(), [9], [], 20),
        (ENCODED[2].tolist(), [9], [3], 30),
    ]

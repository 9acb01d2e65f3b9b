from __future__ import annotations

from pathlib import Path

import ctranslate2
import numpy as np
import pytest
import torch

from pipeline.asr.network.decoder import WhisperDecoder
from pipeline.asr.network.quantized_linear import QuantizedLinear
from pipeline.asr.network.weights import Weights
from tests.unit.pipeline.asr.network import small_whisper
from tests.unit.pipeline.asr.network.small_whisper import PROMPT, SIZES

pytestmark = small_whisper.on_x86

TEXT = [3, 77, 20, 3, 5]


@pytest.fixture(scope="session")
def decoder(folder: Path) -> WhisperDecoder:
    return WhisperDecoder(Weights.read(folder / "model.bin"))


@pytest.fixture(scope="session")
def audio(folder: Path) -> list[torch.Tensor]:
    """Two chunks of different lengths."""
    return [torch.from_numpy(chunk[0]) for chunk in small_whisper.encode(folder, 300, 200)]


def test_it_computes_what_ctranslate2_computes(
    folder: Path, decoder: WhisperDecoder, audio: list[torch.Tensor]
) -> None:
    """Told the same tokens, the outputs are alike but for the rounding to integers."""
    view = ctranslate2.StorageView.from_array(audio[0].numpy()[None])
    (theirs,) = small_whisper.network(folder).generate(
        view, [PROMPT], beam_size=1, max_length=12, return_logits_vocab=True, suppress_blank=False, suppress_tokens=[]
    )
    written = theirs.sequences_ids[0]
    (rows,) = decoder.advance([decoder.hear(audio[0])], [torch.tensor([[*PROMPT, *written]])])
    ours = decoder.outputs(rows[0])[len(PROMPT) - 1 :]
    assert len(theirs.logits[0]) > 3
    for number, output in enumerate(theirs.logits[0]):
        assert np.corrcoef(np.asarray(output).ravel(), ours[number].numpy())[0, 1] > 0.998


def test_tokens_at_once_are_as_good_as_one_after_the_other(decoder: WhisperDecoder, audio: list[torch.Tensor]) -> None:
    at_once = decoder.advance([decoder.hear(audio[0])], [torch.tensor([[*PROMPT, *TEXT]])])[0][0]
    chunk = decoder.hear(audio[0])
    single = [decoder.advance([chunk], [torch.tensor([[token]])])[0][0, 0] for token in (*PROMPT, *TEXT)]
    # Sums over tokens are added up in another order, and what is rounded to integers may fall to the other side.
    torch.testing.assert_close(torch.stack(single), at_once, atol=0.05, rtol=0)


def test_a_chunk_does_not_depend_on_the_others(decoder: WhisperDecoder, audio: list[torch.Tensor]) -> None:
    tokens = torch.tensor([[*PROMPT, *TEXT]])
    together = decoder.advance([decoder.hear(one) for one in audio], [tokens, tokens[:, :3]])
    alone = [
        decoder.advance([decoder.hear(one)], [said])[0]
        for one, said in zip(audio, (tokens, tokens[:, :3]), strict=True)
    ]
    assert all(torch.equal(*pair) for pair in zip(together, alone, strict=True))


def test_texts_are_followed_each_from_its_own_past(decoder: WhisperDecoder, audio: list[torch.Tensor]) -> None:
    chunk = decoder.hear(audio[0])
    decoder.advance([chunk], [torch.tensor([PROMPT])])
    chunk.follow([0, 0, 0])
    decoder.advance([chunk], [torch.tensor([[1], [2], [3]])])
    chunk.follow([2, 0])
    two = decoder.advance([chunk], [torch.tensor([[4], [5]])])[0]
    for row, past in zip(two, ([3, 4], [1, 5]), strict=True):
        other = decoder.hear(audio[0])
        for token in (PROMPT, *([one] for one in past)):
            (expected,) = decoder.advance([other], [torch.tensor([token])])
        torch.testing.assert_close(row[-1], expected[0, -1], atol=0.05, rtol=0)


def test_there_is_room_for_long_texts(decoder: WhisperDecoder, audio: list[torch.Tensor]) -> None:
    chunk = decoder.hear(audio[1])
    for _ in range(200):
        (row,) = decoder.advance([chunk], [torch.tensor([[7]])])
    assert chunk.length == 200
    assert torch.isfinite(row).all()


def test_a_row_of_a_product_does_not_depend_on_the_others() -> None:
    chance = torch.Generator().manual_seed(0)
    product = QuantizedLinear(torch.randn(300, 64, generator=chance), torch.randn(300, generator=chance))
    rows = torch.randn(9, 64, generator=chance) * torch.logspace(-3, 3, 9)[:, None]
    assert torch.equal(product(rows), torch.cat([product(row[None]) for row in rows]))


def test_a_product_is_exact_to_the_rounding() -> None:
    chance = torch.Generator().manual_seed(0)
    weight, bias = torch.randn(300, 64, generator=chance), torch.randn(300, generator=chance)
    rows = torch.randn(9, 64, generator=chance)
    exact = rows @ weight.T + bias
    error = (QuantizedLinear(weight, bias)(rows) - exact).std() / exact.std()
    assert error < 0.02
    assert torch.equal(QuantizedLinear(weight)(torch.zeros(1, 64)), torch.zeros(1, 300))


def test_a_decoder_that_is_not_whispers_is_told_from_it(folder: Path) -> None:
    weights = Weights.read(folder / "model.bin")
    assert WhisperDecoder.is_whisper(weights)
    other = Weights({**weights._variables, "decoder/alibi": np.asarray(1, dtype=np.int8)})
    assert not WhisperDecoder.is_whisper(other)
    assert SIZES.text_layers == len(WhisperDecoder(weights)._layers)

"""Whisper computed here instead of by CTranslate2, from the folder of a model in that library's format."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from pipeline.asr.network import quantized_linear
from pipeline.asr.network.decoder import WhisperDecoder
from pipeline.asr.network.encoder import WhisperEncoder
from pipeline.asr.network.weights import Weights
from pipeline.asr.search.text_search import SearchTokens, TextSearch
from pipeline.asr.search.timestamp_rules import TimestampRules
from pipeline.errors import ModelCorrupt
from pipeline.side_by_side import spread

_log: Final = logging.getLogger(__name__)
_NO_SPEECH: Final = ("<|nospeech|>", "<|nocaptions|>")


@dataclass(frozen=True, slots=True)
class OwnWhisper:
    """Encoder, and decoder with search."""

    encoder: WhisperEncoder
    search: TextSearch
    threads: int = 1
    """In which chunks are encoded; the search has that of its caller."""

    def encode(self, mels: Sequence[Tensor]) -> list[Tensor]:
        """Encode log-mel spectrograms, (mels, frames) each; gives (frames / 2, width) of each."""
        return spread(self.encoder, mels, self.threads)


def load_own(
    folder: Path, token: Callable[[str], int | None], dtype: torch.dtype = torch.float32, threads: int = 1
) -> OwnWhisper | None:
    """Load both; `token` gives the id of a control token, None where the model lacks it.

    None, and a line in the log, where all has to be left to CTranslate2: on processors without the products that make
    it worthwhile, and for models that differ from Whisper's. `dtype` is that of the encoder's convolutions and
    attention. Raises what torch raises where there is no memory.
    """
    if not quantized_linear.available():
        _log.info("CTranslate2 computes Whisper: this processor has no 8-bit products with weights laid out once")
        return None
    try:
        weights = Weights.read(folder / "model.bin")
        if not (WhisperEncoder.is_whisper(weights) and WhisperDecoder.is_whisper(weights)):
            _log.warning("CTranslate2 computes Whisper: the network of %s is not Whisper's", folder.name)
            return None
        return OwnWhisper(
            WhisperEncoder(weights, dtype),
            TextSearch(WhisperDecoder(weights), _tokens(folder / "config.json", token)),
            threads,
        )
    except (ModelCorrupt, KeyError, TypeError, ValueError, OSError) as error:
        # CTranslate2 could load it, so that it can be used.
        _log.warning("CTranslate2 computes Whisper: %s is not as expected (%r)", folder.name, error)
        return None


def _tokens(config: Path, token: Callable[[str], int | None]) -> SearchTokens:
    """Control tokens, and those of which the model's configuration tells."""
    told = json.loads(config.read_text(encoding="utf-8"))

    def known(*names: str) -> int:
        found = next((number for number in map(token, names) if number is not None), None)
        if found is None:
            message = f"tokenizer.json lacks {names[0]}"
            raise ModelCorrupt(message)
        return found

    end = known("<|endoftext|>")
    return SearchTokens(
        start=known("<|startoftranscript|>"),
        end=end,
        no_speech=known(*_NO_SPEECH),
        never=tuple(told["suppress_ids"] or ()),
        never_first=tuple(told["suppress_ids_begin"] or ()),
        languages=tuple(told["lang_ids"]),
        stamps=TimestampRules(end=end, first=known("<|notimestamps|>") + 1),
    )

"""Whisper computed here instead of by CTranslate2, from the folder of a model in that library's format."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from pipeline.asr.network import quantized_linear
from pipeline.asr.network.decoder import WhisperDecoder
from pipeline.asr.network.encoder import WhisperEncoder
from pipeline.asr.network.weights import Weights
from pipeline.asr.search.attention_alignment import AttentionAlignment
from pipeline.asr.search.text_search import SearchTokens, TextSearch
from pipeline.asr.search.timestamp_rules import TimestampRules
from pipeline.errors import ModelCorrupt
from pipeline.side_by_side import spread

_log: Final = logging.getLogger(__name__)
_NO_SPEECH: Final = ("<|nospeech|>", "<|nocaptions|>")


@dataclass(frozen=True, slots=True)
class OwnWhisper:
    """Encoder, and decoder with search and alignment."""

    encoder: WhisperEncoder
    search: TextSearch
    alignment: AttentionAlignment
    threads: int = 1
    """In which chunks are encoded; the search has that of its caller."""

    def encode(self, mels: Sequence[Tensor]) -> list[Tensor]:
        """Encode log-mel spectrograms, (mels, frames) each; gives (frames / 2, width) of each."""
        return spread(self.encoder, mels, self.threads)


def can_be_own() -> bool:
    """Whether this processor has the products that make it worthwhile; a line in the log where it has not."""
    if not quantized_linear.available():
        _log.info("CTranslate2 computes Whisper: this processor has no 8-bit products with weights laid out once")
        return False
    return True


def load_own(
    folder: Path, token: Callable[[str], int | None], dtype: torch.dtype = torch.float32, threads: int = 1
) -> OwnWhisper | None:
    """Load all; `token` gives the id of a control token, None where the model lacks it.

    None, and a line in the log, where all has to be left to CTranslate2, as the model differs from Whisper's. `dtype`
    is that of the encoder's convolutions and attention. Raises what torch raises where there is no memory.
    """
    try:
        weights = Weights.read(folder / "model.bin")
        if not (WhisperEncoder.is_whisper(weights) and WhisperDecoder.is_whisper(weights)):
            _log.warning("CTranslate2 computes Whisper: the network of %s is not Whisper's", folder.name)
            return None
        told = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        decoder, tokens = WhisperDecoder(weights), _tokens(told, token)
        heads, unstamped = told.get("alignment_heads"), tokens.stamps.first - 1
        return OwnWhisper(
            WhisperEncoder(weights, dtype),
            TextSearch(decoder, tokens),
            AttentionAlignment(decoder, heads, unstamped=unstamped, end=tokens.end),
            threads,
        )
    except (ModelCorrupt, KeyError, TypeError, ValueError, OSError) as error:
        # CTranslate2 could load it, so that it can be used.
        _log.warning("CTranslate2 computes Whisper: %s is not as expected (%r)", folder.name, error)
        return None


def _tokens(told: Mapping[str, Any], token: Callable[[str], int | None]) -> SearchTokens:
    """Control tokens, and those that the model's configuration says no text holds."""

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
        stamps=TimestampRules(end=end, first=known("<|notimestamps|>") + 1),
    )

"""Takes what the search needs from the folder of a Whisper model in CTranslate2's format."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pipeline.asr.search import quantized_linear
from pipeline.asr.search.decoder import DECODER, WhisperDecoder
from pipeline.asr.search.text_search import SearchTokens, TextSearch
from pipeline.asr.search.timestamp_rules import TimestampRules
from pipeline.asr.search.weights import Weights
from pipeline.errors import ModelCorrupt

_log: Final = logging.getLogger(__name__)
_NO_SPEECH: Final = ("<|nospeech|>", "<|nocaptions|>")


def load_search(folder: Path, token: Callable[[str], int | None]) -> TextSearch | None:
    """Load the search; `token` gives the id of a control token, None where the model lacks it.

    None, and a line in the log, where texts have to be searched by CTranslate2: on processors without the product that
    makes the search worthwhile, and for models that differ from Whisper's.
    """
    if not quantized_linear.available():
        _log.info("CTranslate2 searches for texts: this processor has no 8-bit products with weights laid out once")
        return None
    try:
        weights = Weights.read(folder / "model.bin", DECODER)
        if not WhisperDecoder.is_whisper(weights):
            _log.warning("CTranslate2 searches for texts: the decoder of %s is not Whisper's", folder.name)
            return None
        return TextSearch(WhisperDecoder(weights), _tokens(folder / "config.json", token))
    except (ModelCorrupt, KeyError, TypeError, ValueError, OSError) as error:
        # CTranslate2 has loaded it, so that it can be used.
        _log.warning("CTranslate2 searches for texts: %s is not as expected (%r)", folder.name, error)
        return None


def _tokens(config: Path, token: Callable[[str], int | None]) -> SearchTokens:
    """Control tokens, and those that the model's configuration says no text holds."""
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
        stamps=TimestampRules(end=end, first=known("<|notimestamps|>") + 1),
    )

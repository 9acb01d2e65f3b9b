"""The parts of a loaded Whisper model, and its encoder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from pipeline.asr.backend import DecodeRequest
from pipeline.asr.encoded import Encoded
from pipeline.asr.own_whisper import OwnWhisper
from pipeline.extras import require
from pipeline.types import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class WhisperParts:
    """Network and tokenizer."""

    network: Any
    """ctranslate2.models.Whisper; without weights, and not to be used, where our own computes."""
    tokenizer: Any
    """tokenizers.Tokenizer."""
    max_tokens: int
    """Longest sequence the decoder holds, prompt included."""
    fresh_network: Callable[[], Any]
    """Loads the network anew, to sample with: what is drawn then depends on nothing that was drawn before."""
    own: OwnWhisper | None
    """Computes everything; None where CTranslate2 does."""
    languages: Mapping[str, int]
    """Tokens of the languages that a multilingual model knows, by their ISO 639-1 codes; none for one of English."""

    @property
    def multilingual(self) -> bool:
        """Whether prompts name a language and a task."""
        return bool(self.languages)

    @property
    def first_timestamp(self) -> int:
        """Token of <|0.00|>; all tokens above are timestamps."""
        return self.token("<|notimestamps|>") + 1

    def token(self, text: str) -> int:
        """Id of a control token."""
        return int(self.tokenizer.token_to_id(text))

    def decode(self, tokens: list[int]) -> str:
        """Text of text tokens, leading white space kept."""
        return str(self.tokenizer.decode(tokens))

    def start(self, request: DecodeRequest) -> list[int]:
        """Tokens that open a transcript: language and task where the model has several."""
        opening = [self.token("<|startoftranscript|>")]
        if self.multilingual:
            opening += [self.token(f"<|{request.language}|>"), self.token(f"<|{request.task}|>")]
        return opening

    def prompt(self, request: DecodeRequest) -> list[int]:
        """All tokens before the text: hot words and prompt as if said before, then the opening."""
        said = " ".join(part.strip() for part in (request.hotwords, request.prompt) if part and part.strip())
        before: list[int] = []
        if said:
            tokens = self.tokenizer.encode(f" {said}", add_special_tokens=False).ids
            # Half of the decoder's window is for what came before (Radford et al. 2022, section 2.3).
            before = [self.token("<|startofprev|>"), *tokens[-(self.max_tokens // 2 - 1) :]]
        silent = [] if request.timestamps else [self.token("<|notimestamps|>")]
        return before + self.start(request) + silent

    def encode(self, mels: Sequence[FloatArray]) -> Encoded:
        """Encode log-mel spectrograms, (mels, frames) each, all of one length but on a CPU.

        On a CPU one by one: at batch 8 CTranslate2 takes 1.1 to 1.4 times as long.
        """
        if self.own is not None:
            return Encoded.apart(
                [one[None].numpy() for one in self.own.encode([torch.from_numpy(mel) for mel in mels])]
            )
        view = require("ctranslate2", "pipeline").StorageView.from_array
        if self.network.device != "cpu":
            return Encoded.together(self.network.encode(view(np.stack(mels))))
        return Encoded.apart([np.array(self.network.encode(view(mel[None]), to_cpu=True)) for mel in mels])

    def align(
        self, encoded: Encoded, start: list[int], texts: Sequence[Sequence[int]], frames: Sequence[int]
    ) -> list[Any]:
        """Align one text a chunk with what CTranslate2 encoded: `ctranslate2.models.WhisperAlignmentResult` of each.

        `frames`: mel frames of each chunk to look at. On a CPU one by one: four at once take nearly twice as long, and
        150 MB instead of 40.
        """
        results: dict[int, Any] = {}
        for numbers, view in encoded.one_by_one():
            asked = [list(texts[number]) for number in numbers]
            found = self.network.align(view, start, asked, [frames[number] for number in numbers])
            results.update(zip(numbers, found, strict=True))
        return [results[number] for number in range(len(texts))]

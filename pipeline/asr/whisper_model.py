"""The parts of a loaded Whisper model, and its encoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.asr.backend import DecodeRequest
from pipeline.extras import require
from pipeline.types import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class WhisperParts:
    """Network and tokenizer."""

    network: Any
    """ctranslate2.models.Whisper."""
    tokenizer: Any
    """tokenizers.Tokenizer."""
    max_tokens: int
    """Longest sequence the decoder holds, prompt included."""
    fresh_network: Callable[[], Any]
    """Loads the network anew, to sample with: what is drawn then depends on nothing that was drawn before."""

    @staticmethod
    def of(model: Any, fresh_network: Callable[[], Any]) -> WhisperParts:  # noqa: ANN401 - faster_whisper is untyped
        """Take the parts out of a faster_whisper.WhisperModel."""
        return WhisperParts(
            network=model.model,
            tokenizer=model.hf_tokenizer,
            max_tokens=int(model.max_length),
            fresh_network=fresh_network,
        )

    @property
    def multilingual(self) -> bool:
        """Whether prompts name a language and a task."""
        return bool(self.network.is_multilingual)

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

    def encode(self, mels: FloatArray) -> Any:  # noqa: ANN401 - ctranslate2 has no annotations
        """Encode log-mel spectrograms, (chunks, mels, frames).

        On a CPU one by one: at batch 8 the encoder takes 1.1 to 1.4 times as long.
        """
        view = require("ctranslate2", "pipeline").StorageView.from_array
        if self.network.device != "cpu":
            return self.network.encode(view(np.ascontiguousarray(mels)))
        encoded = [np.array(self.network.encode(view(mel[None]), to_cpu=True)) for mel in mels]
        return view(np.concatenate(encoded))

    def align(self, encoded: Any, start: list[int], texts: Sequence[Sequence[int]], frames: Sequence[int]) -> list[Any]:  # noqa: ANN401
        """Align one text a chunk with what was encoded: `ctranslate2.models.WhisperAlignmentResult` of each.

        `frames`: mel frames of each chunk to look at. On a CPU one by one: four at once take nearly twice as long, and
        150 MB instead of 40.
        """
        tokens = [list(text) for text in texts]
        if self.network.device != "cpu":
            return list(self.network.align(encoded, start, tokens, list(frames)))
        view, chunks = require("ctranslate2", "pipeline").StorageView.from_array, np.asarray(encoded)
        return [
            self.network.align(view(chunks[number : number + 1]), start, [text], [frames[number]])[0]
            for number, text in enumerate(tokens)
        ]

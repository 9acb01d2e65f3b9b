"""The parts of a loaded Whisper model, and its encoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from pipeline.asr.backend import DecodeRequest
from pipeline.asr.encoded import Encoded
from pipeline.asr.own_whisper import OwnWhisper
from pipeline.asr.sleeping_network import SleepingNetwork
from pipeline.extras import require
from pipeline.types import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class WhisperParts:
    """Network and tokenizer."""

    network: SleepingNetwork
    """Computes what is not our own."""
    tokenizer: Any
    """tokenizers.Tokenizer."""
    max_tokens: int
    """Longest sequence the decoder holds, prompt included."""
    fresh_network: Callable[[], Any]
    """Loads the network anew, to sample with: what is drawn then depends on nothing that was drawn before."""
    own: OwnWhisper | None
    """Encodes and finds the likeliest texts; None where CTranslate2 does."""

    @staticmethod
    def of(
        model: Any,  # noqa: ANN401 - faster_whisper is untyped
        network: SleepingNetwork,
        fresh_network: Callable[[], Any],
        own: OwnWhisper | None,
    ) -> WhisperParts:
        """Take the parts out of a faster_whisper.WhisperModel."""
        return WhisperParts(
            network=network,
            tokenizer=model.hf_tokenizer,
            max_tokens=int(model.max_length),
            fresh_network=fresh_network,
            own=own,
        )

    @property
    def multilingual(self) -> bool:
        """Whether prompts name a language and a task."""
        return self.network.multilingual

    @property
    def first_timestamp(self) -> int:
        """Token of <|0.00|>; all tokens above are timestamps."""
        return self.token("<|notimestamps|>") + 1

    def token(self, text: str) -> int:
        """Id of a control token."""
        return int(self.tokenizer.token_to_id(text))

    def named(self, token: int) -> str:
        """Text of a control token."""
        return str(self.tokenizer.id_to_token(token))

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
        network = self.network.awake()
        if not self.network.on_cpu:
            return Encoded.together(network.encode(view(np.stack(mels))))
        return Encoded.apart([np.array(network.encode(view(mel[None]), to_cpu=True)) for mel in mels])

    def align(
        self, encoded: Encoded, start: list[int], texts: Sequence[Sequence[int]], frames: Sequence[int]
    ) -> list[Any]:
        """Align one text a chunk with what was encoded: `ctranslate2.models.WhisperAlignmentResult` of each.

        `frames`: mel frames of each chunk to look at. On a CPU one by one: four at once take nearly twice as long, and
        150 MB instead of 40.
        """
        results: dict[int, Any] = {}
        network = self.network.awake()
        for numbers, view in encoded.one_by_one():
            asked = [list(texts[number]) for number in numbers]
            found = network.align(view, start, asked, [frames[number] for number in numbers])
            results.update(zip(numbers, found, strict=True))
        return [results[number] for number in range(len(texts))]

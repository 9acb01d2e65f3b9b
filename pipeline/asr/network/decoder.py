"""Whisper's decoder on a CPU, for several chunks of audio of any length at once.

Radford et al. 2022: layers of self-attention, attention to the encoded audio and a feed-forward network, each with its
norm before and its input added after. What chunks have in common, the products with the weights, is computed for all
rows at once; what is a chunk's own, both attentions, chunk by chunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.asr.network.layers import FeedForward, Norm, has_any, linear
from pipeline.asr.network.weights import Weights

_ROOM: Final = 64
# Tokens by which the room for keys and values grows.
_OTHERS: Final = ("alibi", "layernorm_embedding", "scale_embeddings", "start_from_zero_embedding")
# What a decoder of another kind may have; one whose weights are named otherwise is found out as they are read.


@dataclass(slots=True)
class ChunkState:
    """What the decoder keeps of one chunk: keys and values of its audio, and of the tokens of the texts followed."""

    audio: list[tuple[Tensor, Tensor]]
    """By layer: keys, (heads, frames, size), and values, (heads, size, frames): as they are read fastest."""
    said: list[Tensor]
    """By layer: keys and values, (2, texts, heads, room, size)."""
    length: int = 0
    """Tokens so far."""
    attended: list[Tensor] | None = None
    """By layer: how the tokens that are taken in attend to the audio, (heads, rows, frames), before the softmax; None
    where nobody asks."""

    def follow(self, parents: Sequence[int]) -> None:
        """Keep the texts with these numbers, in this order; a text may be kept more than once.

        Where none is, all of the chunk goes: it would wait for the longest of its batch.
        """
        if not parents:
            self.audio.clear()
            self.said.clear()
            return
        if list(parents) == list(range(len(parents))):
            self.said = [kept[:, : len(parents)] for kept in self.said]
            return
        chosen = torch.tensor(parents)
        self.said = [kept.index_select(1, chosen) for kept in self.said]

    def add(self, layer: int, new: Tensor) -> Tensor:
        """Keep keys and values of new tokens, (2, texts, heads, tokens, size); gives those of all tokens so far."""
        kept, upto = self.said[layer], self.length + new.shape[3]
        if upto > kept.shape[3]:
            kept = functional.pad(kept, (0, 0, 0, max(_ROOM, upto - kept.shape[3])))
            self.said[layer] = kept
        kept[:, :, :, self.length : upto] = new
        return kept[:, :, :, :upto]


class WhisperDecoder:
    """The network. Holds no state of a chunk; may be shared between threads."""

    def __init__(self, weights: Weights) -> None:
        """Raises `KeyError` where weights are missing; see `is_whisper` for what else may differ."""
        self.heads = weights.number("decoder/num_heads")
        """Of each attention."""
        # In 16 bits: one row a token is looked up, and the table is the largest part of a small model.
        self._embeddings = torch.from_numpy(weights.array("decoder/embeddings/weight")).half()
        self._positions = torch.from_numpy(weights.array("decoder/position_encodings/encodings"))
        self._layers: list[_Layer] = []
        while f"decoder/layer_{len(self._layers)}/ffn/linear_0/weight" in weights:
            self._layers.append(_Layer(weights, f"decoder/layer_{len(self._layers)}"))
        self._norm = Norm(weights, "decoder/layer_norm")
        self._outputs = linear(weights, "decoder/projection")
        self.tokens = len(self._embeddings)
        """How many there are."""
        self.layers = len(self._layers)
        """How many there are."""

    @staticmethod
    def is_whisper(weights: Weights) -> bool:
        """Whether this is the decoder that is computed here, with none of what CTranslate2 has for other models."""
        return "decoder/projection/weight" in weights and not has_any(weights, "decoder", *_OTHERS)

    def hear(self, encoded: Tensor) -> ChunkState:
        """Begin a chunk that has been through the encoder, (frames, width)."""
        audio = []
        for layer in self._layers:
            pairs = layer.audio_keys_values(encoded).view(len(encoded), 2, self.heads, -1)
            keys, values = pairs.permute(1, 2, 0, 3)
            audio.append((keys.contiguous(), values.transpose(1, 2).contiguous()))
        size = self._positions.shape[1] // self.heads
        return ChunkState(audio, [torch.empty(2, 1, self.heads, _ROOM, size) for _ in self._layers])

    def advance(self, chunks: Sequence[ChunkState], tokens: Sequence[Tensor]) -> list[Tensor]:
        """Take in each chunk's next tokens, (texts, tokens) each; gives (texts, tokens, width) of each."""
        rows = [
            self._embeddings[new].float() + self._positions[chunk.length : chunk.length + new.shape[1]]
            for chunk, new in zip(chunks, tokens, strict=True)
        ]
        shapes = [one.shape for one in rows]
        ends = torch.tensor([shape[0] * shape[1] for shape in shapes]).cumsum(0).tolist()
        spans = [slice(end - shape[0] * shape[1], end) for shape, end in zip(shapes, ends, strict=True)]
        x = torch.cat([one.flatten(0, 1) for one in rows])
        for number, layer in enumerate(self._layers):
            parts = layer.self_input(layer.self_norm(x))
            said = torch.empty_like(x)
            for chunk, span, (texts, new, _) in zip(chunks, spans, shapes, strict=True):
                said[span] = self._self_attention(chunk, number, parts[span].view(texts, new, 3, self.heads, -1))
            x = x + layer.self_output(said)
            queries = layer.audio_query(layer.audio_norm(x))
            heard = torch.empty_like(x)
            for chunk, span in zip(chunks, spans, strict=True):
                heard[span] = self._audio_attention(chunk, number, queries[span])
            x = x + layer.audio_output(heard)
            x = x + layer.feed_forward(x)
        for chunk, (_, new, _) in zip(chunks, shapes, strict=True):
            chunk.length += new
        x = self._norm(x)
        return [x[span].view(shape) for span, shape in zip(spans, shapes, strict=True)]

    def outputs(self, rows: Tensor) -> Tensor:
        """From what `advance` gives, (rows, width), to a number for each token that may come next, (rows, tokens)."""
        return self._outputs(rows)

    def _self_attention(self, chunk: ChunkState, layer: int, new: Tensor) -> Tensor:
        """Queries, keys and values, (texts, tokens, 3, heads, size); gives (texts x tokens, width)."""
        parts = new.permute(2, 0, 3, 1, 4)
        keys, values = chunk.add(layer, parts[1:])
        # Several tokens at once come at the beginning only, so that none is before them.
        attended = functional.scaled_dot_product_attention(parts[0], keys, values, is_causal=new.shape[1] > 1)
        return attended.transpose(1, 2).flatten(2).flatten(0, 1)

    def _audio_attention(self, chunk: ChunkState, layer: int, queries: Tensor) -> Tensor:
        """Queries, (rows, width); gives the same shape."""
        keys, values = chunk.audio[layer]
        by_head = queries.view(len(queries), self.heads, -1).transpose(0, 1)
        scores = torch.bmm(by_head * by_head.shape[2] ** -0.5, keys.transpose(1, 2))
        if chunk.attended is not None:
            chunk.attended.append(scores)
        return torch.bmm(values, scores.softmax(2).transpose(1, 2)).permute(2, 0, 1).flatten(1)


class _Layer:
    """Weights of one layer, under what they do here."""

    def __init__(self, weights: Weights, name: str) -> None:
        self.self_norm = Norm(weights, f"{name}/self_attention/layer_norm")
        self.self_input = linear(weights, f"{name}/self_attention/linear_0")
        self.self_output = linear(weights, f"{name}/self_attention/linear_1")
        self.audio_norm = Norm(weights, f"{name}/attention/layer_norm")
        self.audio_query = linear(weights, f"{name}/attention/linear_0")
        self.audio_keys_values = linear(weights, f"{name}/attention/linear_1")
        self.audio_output = linear(weights, f"{name}/attention/linear_2")
        self.feed_forward = FeedForward(weights, f"{name}/ffn")

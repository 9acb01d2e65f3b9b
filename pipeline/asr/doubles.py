"""A sentence that was written twice in a row: whether it was said twice, the audio tells.

Whisper at times repeats a sentence once. No rule for text sees it: people repeat themselves, too, and announcements are
played again and again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pipeline.alignment.aligner import AlignedWord, ForcedAligner
from pipeline.asr.guards import Fault, letters
from pipeline.asr.judging import Judged
from pipeline.asr.pieces import Piece
from pipeline.types import DroppedSpan, FloatArray
from pipeline.waveform import Waveform

SHORTEST = 6
"""Words that make a sentence to look for; shorter ones are often said twice."""
_CLEARLY = 0.5
# By how much, in log-likelihood a frame, the audio has to fit the text better without the second copy. Sentences said
# once and written twice gain 0.7 to 2 (0.5 and more in 10 dB of noise), sentences said twice lose 0 to 2 (or gain 0.4
# at most): 64 of each, with the sentences around them.


def said_once(judged: Judged, waveform: Waveform, aligner: ForcedAligner) -> Judged:
    """Take out of a chunk's text what is written twice in a row and was said once."""
    words = [word.text for piece in judged.pieces for word in piece.words]
    at = 0
    while (copy := find_double(words, at)) is not None:
        once = [*words[: copy.start], *words[copy.stop :]]
        said = _where_said_once(waveform.crop(judged.chunk), words, once, copy, aligner)
        if said is None:
            at = copy.start
            continue
        dropped = DroppedSpan(
            start=judged.chunk.start + said[0].start,
            end=judged.chunk.start + said[-1].end,
            text=" ".join(words[copy.start : copy.stop]),
            reason=Fault.REPETITION.value,
        )
        judged = replace(judged, pieces=_without(judged.pieces, copy), dropped=(*judged.dropped, dropped))
        words, at = once, copy.start - 1  # a third copy lies where the second was
    return judged


def find_double(words: Sequence[str], after: int = 0) -> range | None:
    """Places of the second copy of the first sentence that comes twice in a row, and whose copy begins behind `after`.

    The longest where several begin at a place. Case and signs do not count.
    """
    plain = [letters(word) for word in words]
    for copy in range(max(SHORTEST, after + 1), len(plain)):
        for length in range(min(copy, len(plain) - copy), SHORTEST - 1, -1):
            if plain[copy - length : copy] == plain[copy : copy + length]:
                return range(copy, copy + length)
    return None


def _where_said_once(
    samples: FloatArray, twice: Sequence[str], once: Sequence[str], copy: range, aligner: ForcedAligner
) -> list[AlignedWord] | None:
    """Where the sentence was said, where the audio clearly holds it once; None where it may hold it twice."""
    single, double = aligner.align(samples, once), aligner.align(samples, twice)
    if single is None or (double is not None and _fit(single) <= _fit(double) + _CLEARLY):
        return None
    return [word for word in single[copy.start - len(copy) : copy.start] if word is not None] or None


def _fit(words: Sequence[AlignedWord | None]) -> float:
    """How well the audio fits the words, frame by frame."""
    placed = [(word.end - word.start, word.score) for word in words if word is not None]
    return sum(length * score for length, score in placed) / sum(length for length, _ in placed)


def _without(pieces: Sequence[Piece], places: range) -> tuple[Piece, ...]:
    """The pieces without the words at these places of all their words; what is empty then is left out."""
    kept, place = [], 0
    for piece in pieces:
        words = [word for number, word in enumerate(piece.words, start=place) if number not in places]
        place += len(piece.words)
        if len(words) == len(piece.words):
            kept.append(piece)
        elif words:
            kept.append(piece.of_words(words))
    return tuple(kept)

"""Which language a recording is in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from pipeline.asr.backend import AsrBackend
from pipeline.asr.chunk_audio import ChunkAudios
from pipeline.asr.speech import SpeechClock
from pipeline.errors import InvalidOption
from pipeline.options import AsrOptions
from pipeline.side_by_side import anew
from pipeline.types import Notice, Segment

_CHUNKS = 4
# The chunks with most speech vote; more of them cost an encoder pass each.
_DOUBTFUL = 0.5
# Probability of the best language below which a reader should be told.


def known_language(backend: AsrBackend, options: AsrOptions) -> str | None:
    """Give the language that needs no detection: the one asked for, or the model's only one.

    Raises `InvalidOption` where the model does not know the language, or cannot translate and is asked to.
    """
    if options.task == "translate" and not backend.translates:
        message = f"{backend.name} cannot translate; choose a multilingual model"
        raise InvalidOption(message)
    if options.language is not None:
        if options.language not in backend.languages:
            message = f"{backend.name} does not know the language {options.language!r}"
            raise InvalidOption(message)
        return options.language
    return backend.languages[0] if len(backend.languages) == 1 else None


def detect_language(
    backend: AsrBackend, audio: ChunkAudios, chunks: Sequence[Segment], clock: SpeechClock
) -> tuple[str, float]:
    """Give language and mean probability over the chunks with most speech; `chunks` must not be empty."""
    fullest = [audio.take(chunk) for chunk in sorted(chunks, key=clock.seconds, reverse=True)[:_CHUNKS]]
    votes: defaultdict[str, float] = defaultdict(float)
    for probabilities in anew(lambda: backend.encode(fullest).languages()):
        for language, probability in probabilities.items():
            votes[language] += probability / len(fullest)
    for chunk in fullest:
        audio.put_back(chunk, again=True)
    best = max(votes, key=lambda language: votes[language])
    return best, min(1.0, votes[best])


def doubt(language: str, confidence: float | None) -> tuple[Notice, ...]:
    """Tell the reader where the language is a guess."""
    if confidence is None or confidence >= _DOUBTFUL:
        return ()
    message = f"The language was taken to be {language} ({confidence:.0%}); name it if that is wrong."
    return (Notice("language_uncertain", message),)

"""Who races whom, on what. The first of each is what the others are compared with."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from benchmarks import contestants as them
from benchmarks.contestants import Contestant


class Name(StrEnum):
    """The comparisons, as on the command line."""

    FILE = "file"
    FLEET = "fleet"
    DIARIZATION = "diarization"
    ASR = "asr"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One table of results."""

    name: Name
    title: str
    contestants: tuple[Contestant, ...]
    calls: bool = False
    """Whether on many short calls, rather than on one conversation."""
    turns: bool = False
    """Whether who spoke when is scored."""
    samples: tuple[str, ...] = ("sample-conversation",)
    """Recordings of the catalog that stand in where there is no test speech."""

    def chosen(self, only: list[str], without: list[str], *, everyone: bool) -> list[Contestant]:
        """Contestants that run: those by default, or `everyone`, or those whose name contains a word of `only`.

        Whose name contains a word of `without` does not. An environment's name counts as part of it; case does not.
        """

        def named(contestant: Contestant, words: list[str]) -> bool:
            names = f"{contestant.name} {contestant.environment or ''}".lower()
            return any(word.lower() in names for word in words)

        return [
            contestant
            for contestant in self.contestants
            if (named(contestant, only) if only else everyone or contestant.by_default)
            and not named(contestant, without)
        ]


COMPARISONS = {
    comparison.name: comparison
    for comparison in (
        Comparison(
            name=Name.FILE,
            title="One conversation, everything: who said what, when",
            contestants=(them.HANSARD, them.WHISPERX, them.SENKO_WORDS),
            turns=True,
        ),
        Comparison(
            name=Name.FLEET,
            title="Many short calls: recognition alone",
            contestants=(them.HANSARD_WORDS, them.HANSARD_ATTENTION, them.BATCHED, them.BATCHED_WORDS),
            calls=True,
            samples=("sample-conversation", "sample-two-cities", "sample-endgame"),
        ),
        Comparison(
            name=Name.DIARIZATION,
            title="One conversation, diarization alone: who spoke when",
            contestants=(
                them.HANSARD_DIARIZATION,
                them.HANSARD_ECAPA,
                them.PYANNOTE,
                them.PYANNOTE_32,
                them.SENKO,
                them.SENKO_MERGED,
            ),
            turns=True,
        ),
        Comparison(
            name=Name.ASR,
            title="One conversation, recognition alone: what was said",
            contestants=(
                them.HANSARD_WORDS,
                them.HANSARD_ATTENTION,
                them.BATCHED,
                them.SEQUENTIAL,
                them.BATCHED_WORDS,
                them.SEQUENTIAL_WORDS,
            ),
            samples=("sample-two-cities",),
        ),
    )
}

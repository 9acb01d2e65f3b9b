"""Attribution: words and turns to speaker-attributed words, with the evidence for each, and on to utterances."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pipeline.options import AttributionOptions
from pipeline.types import AttributionMethod, Diarization, Segment, SpeakerEvidence, Turn, Utterance, Word

SENTENCE_END: Final = (".", "?", "!", "…", "。", "？", "！")
SNAP_WORDS: Final = 2
"""A boundary moves by at most so many words."""
SNAP_MARGIN: Final = 0.6
"""Only words whose evidence is this weak, or weaker, change hands."""
SNAP_PAUSE: Final = 0.15
"""A gap between two words that counts as a pause, in seconds."""


class TurnIndex:
    """Turns by time: those near a stretch are found without looking at all of them."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        self._turns = sorted(turns, key=lambda turn: turn.start)
        self._starts = [turn.start for turn in self._turns]
        self._longest = max((turn.duration for turn in self._turns), default=0.0)

    def near(self, segment: Segment, reach: float = 0.0) -> list[Turn]:
        """Turns that touch the segment once it is widened by `reach` seconds on both sides."""
        first = bisect_left(self._starts, segment.start - reach - self._longest)
        last = bisect_left(self._starts, segment.end + reach)
        return [turn for turn in self._turns[first:last] if turn.end > segment.start - reach]


def assign_speakers(
    words: Iterable[Word], diarization: Diarization, options: AttributionOptions | None = None
) -> tuple[Word, ...]:
    """Give each word its speaker and the evidence, by the exclusive turns; the words' order is kept.

    A word belongs to whoever holds most of it. One that no turn touches goes to the nearest turn within
    `options.max_nearest` seconds, or to nobody. Words at the edge of a turn may then follow a pause or a sentence end.
    """
    options = options or AttributionOptions()
    exclusive, regular = TurnIndex(diarization.exclusive), TurnIndex(diarization.turns)
    attributed = [_attribute(word, exclusive, regular, options.max_nearest) for word in words]
    return tuple(snap_boundaries(attributed) if options.snap else attributed)


def channel_label(channel: int) -> str:
    """Name of the one party of a channel."""
    return f"CHANNEL_{channel:02d}"


def assign_channels(words: Iterable[Word], diarization: Diarization) -> tuple[Word, ...]:
    """Give each word to the party on whose channel it was heard; words without a channel stay as they are."""
    regular = TurnIndex(diarization.turns)
    return tuple(word if word.channel is None else _on_channel(word, word.channel, regular) for word in words)


def _on_channel(word: Word, channel: int, regular: TurnIndex) -> Word:
    others = [turn for turn in regular.near(word.segment) if turn.channel != channel]
    # The word itself is speech of its own party, whether or not a turn runs to its very edge.
    own = Turn(start=word.start, end=word.end, speaker=channel_label(channel), channel=channel)
    evidence = SpeakerEvidence(
        confidence=1.0,
        margin=1.0,
        overlap=_overlapped_share(word, [own, *others]),
        method=AttributionMethod.CHANNEL,
    )
    return replace(word, speaker=channel_label(channel), evidence=evidence)


def _attribute(word: Word, exclusive: TurnIndex, regular: TurnIndex, max_nearest: float) -> Word:
    shares: defaultdict[str, float] = defaultdict(float)
    for turn in exclusive.near(word.segment):
        shares[turn.speaker] += turn.segment.overlap(word.segment)
    method = AttributionMethod.EXCLUSIVE
    if not any(shares.values()):
        shares = _closeness(word, exclusive.near(word.segment, max_nearest), max_nearest)
        method = AttributionMethod.NEAREST
    if not any(shares.values()):
        return replace(word, speaker=None, evidence=None)
    total = sum(shares.values())
    ranked = sorted(shares, key=lambda speaker: -shares[speaker])
    confidence = shares[ranked[0]] / total
    runner_up = shares[ranked[1]] / total if len(ranked) > 1 else 0.0
    evidence = SpeakerEvidence(
        confidence=confidence,
        margin=confidence - runner_up,
        overlap=_overlapped_share(word, regular.near(word.segment)),
        method=method,
    )
    return replace(word, speaker=ranked[0], evidence=evidence)


def _closeness(word: Word, turns: Sequence[Turn], reach: float) -> defaultdict[str, float]:
    """How near each speaker comes to a word that nobody's turn touches: 1 at no distance, 0 at `reach`."""
    closeness: defaultdict[str, float] = defaultdict(float)
    for turn in turns:
        distance = max(turn.start - word.end, word.start - turn.end, 0.0)
        # A word without length inside a turn is at no distance, whatever the reach, 0 included.
        closeness[turn.speaker] = max(closeness[turn.speaker], 1 - distance / reach if distance else 1.0)
    return closeness


def _overlapped_share(word: Word, turns: Sequence[Turn]) -> float:
    """Share of the word during which two or more turns run."""
    inside = [(max(turn.start, word.start), min(turn.end, word.end)) for turn in turns]
    events = sorted((time, step) for start, end in inside if end > start for time, step in ((start, 1), (end, -1)))
    overlapped, running, since = 0.0, 0, word.start
    for time, step in events:
        if running > 1:
            overlapped += time - since
        running, since = running + step, time
    duration = word.segment.duration
    return min(1.0, overlapped / duration) if duration > 0 else 0.0


@dataclass(frozen=True, slots=True)
class _Seam:
    """The gap before word `position`."""

    position: int
    pause: float
    closes_sentence: bool

    @property
    def natural(self) -> bool:
        """Whether people hand over the floor in such a place."""
        return self.closes_sentence or self.pause >= SNAP_PAUSE


def snap_boundaries(words: Sequence[Word]) -> list[Word]:
    """Move a change of speaker to a pause or a sentence end close by, over words whose evidence is weak.

    Guards: at most two words move, all of them with weak evidence, only from a seam that is no natural one to one that
    is, and never so far that a speaker's stretch vanishes. Splitting at speaker changes without such guards is known
    to break about one boundary for every five that it repairs.
    """
    snapped = list(words)
    boundaries = [i for i in range(1, len(words)) if words[i].speaker != words[i - 1].speaker]
    for number, position in enumerate(boundaries):
        if _seam(words, position).natural or None in (words[position].speaker, words[position - 1].speaker):
            continue
        first = boundaries[number - 1] + 1 if number else 1
        last = boundaries[number + 1] - 1 if number + 1 < len(boundaries) else len(words) - 1
        reach = range(max(first, position - SNAP_WORDS), min(last, position + SNAP_WORDS) + 1)
        seams = [seam for seam in (_seam(words, p) for p in reach if p != position) if seam.natural]
        for seam in sorted(seams, key=lambda seam: (abs(seam.position - position), -seam.pause)):
            low, high = sorted((position, seam.position))
            if all(_is_weak(word) for word in words[low:high]):
                donor = words[position] if seam.position > position else words[position - 1]
                receiver = words[position - 1] if seam.position > position else words[position]
                for i in range(low, high):
                    snapped[i] = _hand_over(words[i], donor.speaker, receiver.speaker)
                break
    return snapped


def _seam(words: Sequence[Word], position: int) -> _Seam:
    before, after = words[position - 1], words[position]
    return _Seam(position, after.start - before.end, before.text.endswith(SENTENCE_END))


def _is_weak(word: Word) -> bool:
    return word.evidence is not None and (
        word.evidence.margin <= SNAP_MARGIN or word.evidence.method is AttributionMethod.NEAREST
    )


def _hand_over(word: Word, donor: str | None, receiver: str | None) -> Word:
    """The word changes hands: its evidence is what spoke for the receiver, so that it may be below one half."""
    if word.speaker != donor or word.evidence is None or receiver is None:
        return word
    evidence = replace(word.evidence, confidence=1 - word.evidence.confidence, margin=0.0)
    return replace(word, speaker=receiver, evidence=evidence)


def build_utterances(words: Sequence[Word], options: AttributionOptions | None = None) -> tuple[Utterance, ...]:
    """Join consecutive words of one speaker (and channel) that no long pause separates, in order of start."""
    options = options or AttributionOptions()
    utterances: list[list[Word]] = []
    open_by_channel: dict[int | None, list[Word]] = {}
    for word in sorted(words, key=lambda word: (word.start, word.end)):
        current = open_by_channel.get(word.channel)
        if current and current[-1].speaker == word.speaker and word.start - current[-1].end <= options.max_pause:
            current.append(word)
        else:
            open_by_channel[word.channel] = [word]
            utterances.append(open_by_channel[word.channel])
    return tuple(
        Utterance(speaker=group[0].speaker, words=tuple(group), channel=group[0].channel) for group in utterances
    )

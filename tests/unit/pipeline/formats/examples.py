"""Small transcripts with known content."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.types import (
    AttributionMethod,
    Diarization,
    Segment,
    Speaker,
    SpeakerEvidence,
    Timing,
    Transcript,
    Turn,
    Utterance,
    Word,
)

EVIDENCE = SpeakerEvidence(confidence=0.9, margin=0.8, overlap=0.25, method=AttributionMethod.EXCLUSIVE)


def spoken(text: str, start: float, end: float, speaker: str | None = "SPEAKER_00") -> tuple[Word, ...]:
    """The words of `text`, evenly spread between start and end."""
    texts = text.split()
    step = (end - start) / len(texts)
    return tuple(
        Word(
            text=word,
            start=start + number * step,
            end=start + (number + 1) * step,
            confidence=0.5,
            timing=Timing.ALIGNED,
            speaker=speaker,
            evidence=None if speaker is None else EVIDENCE,
        )
        for number, word in enumerate(texts)
    )


def said(text: str, start: float, end: float, speaker: str | None = "SPEAKER_00") -> Utterance:
    """An utterance of evenly spread words."""
    return Utterance(speaker=speaker, words=spoken(text, start, end, speaker))


def turn(start: float, end: float, speaker: str = "SPEAKER_00") -> Turn:
    """A turn without confidence or channel."""
    return Turn(start=start, end=end, speaker=speaker)


def transcript(
    utterances: Sequence[Utterance] = (),
    turns: Sequence[Turn] = (),
    *,
    exclusive: Sequence[Turn] | None = None,
    uri: str = "call",
    duration: float = 60.0,
) -> Transcript:
    """A transcript of utterances and turns; the exclusive turns are the regular ones where none are given."""
    words = sorted((word for item in utterances for word in item.words), key=lambda word: word.start)
    labels = dict.fromkeys(item.speaker for item in turns)
    return Transcript(
        uri=uri,
        duration=duration,
        channels=1,
        language="en",
        language_confidence=None,
        words=tuple(words),
        utterances=tuple(utterances),
        segments=(),
        diarization=Diarization(
            turns=tuple(turns),
            exclusive=tuple(turns if exclusive is None else exclusive),
            speakers=tuple(
                Speaker(label=label, speech_seconds=sum(item.duration for item in turns if item.speaker == label))
                for label in labels
            ),
        ),
        speech=tuple(Segment(item.start, item.end) for item in turns),
        dropped=(),
        notices=(),
    )


CONVERSATION = transcript(
    [
        said("Hello, this is Ann.", 0.5, 2.0),
        said("Hi Ann! How are you?", 2.25, 4.0, "SPEAKER_01"),
        said("Mm-hmm.", 3.5, 3.75, None),
        said("Fine, thanks.", 65.0, 66.5),
    ],
    [turn(0.5, 2.0), turn(2.0, 4.0, "SPEAKER_01"), turn(3.5, 3.75), turn(65.0, 66.5)],
    exclusive=[turn(0.5, 2.0), turn(2.0, 4.0, "SPEAKER_01"), turn(65.0, 66.5)],
    duration=70.0,
)
"""Two speakers, one interjection that belongs to nobody, 70 s."""

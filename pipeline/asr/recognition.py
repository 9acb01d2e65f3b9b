"""From a waveform and its speech regions to words with times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from pipeline.alignment.aligner import ForcedAligner
from pipeline.asr.backend import AsrBackend, DecodeRequest
from pipeline.asr.batching import STAGE, Batching, Decoded, OwnBatches
from pipeline.asr.chunk_audio import ChunkAudios
from pipeline.asr.chunking import cut_chunks
from pipeline.asr.decoding import ChunkDecoder
from pipeline.asr.doubles import said_once
from pipeline.asr.holes import fill_holes, find_holes, inserted
from pipeline.asr.judging import Judged, judge, may_be_suspicious
from pipeline.asr.language import detect_language, doubt, known_language
from pipeline.asr.speech import SpeechClock
from pipeline.asr.word_times import WordTimer
from pipeline.batch_size import no_room
from pipeline.errors import InvalidOption
from pipeline.hooks import Hook, NullHook
from pipeline.memory import free_cached, is_out_of_memory
from pipeline.options import AlignmentOptions, AsrOptions
from pipeline.types import UNDETERMINED, Notice, Recognition, RecognizedSegment, Segment
from pipeline.waveform import Waveform

MAX_CHUNK = 30.0
"""Seconds; Whisper hears no more at once."""
SHORTEST_LIMIT = 5.0
"""Seconds: chunks are not halved below this where memory runs out."""


class Recognizer:
    """A recognition model and, if there is one, a forced aligner. Holds no state of a recording."""

    def __init__(
        self,
        backend: AsrBackend,
        options: AsrOptions | None = None,
        aligner: ForcedAligner | None = None,
        alignment: AlignmentOptions | None = None,
        batching: Batching = OwnBatches,
    ) -> None:
        self.backend = backend
        self.batching = batching
        self.options = options or AsrOptions()
        self.alignment = alignment or AlignmentOptions()
        self.aligner = aligner
        if not 0 < self.options.chunk_seconds <= MAX_CHUNK:
            message = f"chunk_seconds must lie in (0, {MAX_CHUNK:.0f}], not {self.options.chunk_seconds}"
            raise InvalidOption(message)

    def __call__(self, waveform: Waveform, speech: Sequence[Segment], hook: Hook | None = None) -> Recognition:
        """Recognize a one-channel waveform.

        `speech` are its speech regions, unpadded; nothing is looked for elsewhere. Raises `InvalidOption` where the
        model does not know the language or the task, or where forced alignment is demanded and cannot be had;
        `OutOfMemory` where there is not even memory for one chunk of 5 s at a time.
        """
        limit, size = self.options.chunk_seconds, self.options.batch_size or self.backend.batch_size
        while True:
            try:
                recognition = self._recognize(waveform, speech, hook or NullHook(), limit, size)
                break
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                if limit <= SHORTEST_LIMIT:
                    raise no_room(STAGE) from error
            free_cached()
            limit, size = max(SHORTEST_LIMIT, limit / 2), 1
        return replace(recognition, notices=(*recognition.notices, *_shorter(limit, self.options.chunk_seconds)))

    def _recognize(
        self, waveform: Waveform, speech: Sequence[Segment], hook: Hook, limit: float, size: int
    ) -> Recognition:
        """Recognize in chunks of at most `limit` seconds, at most `size` at once."""
        clock, audio = SpeechClock(speech), ChunkAudios(waveform)
        chunks = cut_chunks(speech, waveform.duration, limit)
        language = known_language(self.backend, self.options)
        confidence = None
        if not chunks:
            return Recognition(segments=(), dropped=(), language=language or UNDETERMINED, language_confidence=None)
        if language is None:
            language, confidence = detect_language(self.backend, audio, chunks, clock)
        aligner = self._aligner_for(language)
        decoder = self._decoder(audio, language, size, times=aligner is None)

        def again(decoded: Decoded) -> bool:
            return may_be_suspicious(decoded, language, clock, self.options)

        judged = judge(_first_pass(decoder, chunks, again, hook), decoder, clock, self.options)
        audio.let_go()
        if aligner is not None:
            judged = [said_once(one, waveform, aligner) for one in judged]
        timer = WordTimer(decoder, aligner, clock)
        segments, holes = _timed(judged, timer, clock, hook)
        found, refused = fill_holes(holes, timer, clock, self.options)
        dropped = [*(span for one in judged for span in one.dropped), *refused]
        return Recognition(
            segments=tuple(inserted(segments, found)),
            dropped=tuple(sorted(dropped, key=lambda span: (span.start, span.end))),
            language=language,
            language_confidence=confidence,
            notices=(*doubt(language, confidence), *decoder.batches.notices),
        )

    def _aligner_for(self, language: str) -> ForcedAligner | None:
        """Give the aligner, if it can place these words: a translation is not what was said."""
        speaks = self.aligner is not None and language in self.aligner.languages
        able = speaks and self.options.task == "transcribe"
        if self.alignment.method == "forced" and not able:
            message = f"there is no forced aligner for {language!r} ({self.options.task})"
            raise InvalidOption(message)
        return self.aligner if able and self.alignment.method != "attention" else None

    def _decoder(self, audio: ChunkAudios, language: str, size: int, *, times: bool) -> ChunkDecoder:
        request = DecodeRequest(
            language=language,
            task=self.options.task,
            beam_size=self.options.beam_size,
            prompt=self.options.initial_prompt,
            hotwords=self.options.hotwords,
        )
        return ChunkDecoder(
            backend=self.backend,
            audio=audio,
            request=request,
            batches=self.batching(self.backend, size),
            times=times,
        )


def _shorter(limit: float, asked: float) -> tuple[Notice, ...]:
    """Tell the reader that chunks had to be shorter than asked for; nothing where they had not."""
    if limit == asked:
        return ()
    message = (
        f"Memory ran out in {STAGE} with a single chunk: chunks of up to {limit:g} s were used instead of {asked:g} s, "
        "which costs accuracy. A smaller model, or fewer jobs at once, saves the attempt."
    )
    return (Notice("memory_short", message),)


def _first_pass(
    decoder: ChunkDecoder, chunks: Sequence[Segment], again: Callable[[Decoded], bool], hook: Hook
) -> list[Decoded]:
    """Decode all chunks, without timestamps: those are for the second look at chunks that lost something."""
    total = sum(chunk.duration for chunk in chunks)
    done = 0.0
    first: list[Decoded] = []
    hook("asr", done, total)
    for batch in decoder.decode(chunks, again=again):
        first += batch
        done += sum(decoded.chunk.duration for decoded in batch)
        hook("asr", min(done, total), total)
    return first


def _timed(
    judged: Sequence[Judged], timer: WordTimer, clock: SpeechClock, hook: Hook
) -> tuple[list[RecognizedSegment], list[Segment]]:
    """Give all segments with timed words, and the stretches of speech that have none."""
    total = sum(one.chunk.duration for one in judged)
    done = 0.0
    segments: list[RecognizedSegment] = []
    holes: list[Segment] = []
    hook("alignment", done, total)
    for one in judged:
        timed = timer.segments(one.chunk, one.pieces)
        segments += timed
        if timed:
            # Where all text was dropped a third look would find the same.
            holes += find_holes([word for segment in timed for word in segment.words], one.chunk, clock)
        done += one.chunk.duration
        hook("alignment", min(done, total), total)
    return segments, holes

"""References and hypotheses from files: RTTM, UEM, STM, CTM, and JSON with words."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pipeline.errors import InvalidOption, MalformedFile, SourceNotFound
from pipeline.evaluation.recording import Recording, SpokenWord
from pipeline.formats import ctm, native, rttm, stm
from pipeline.types import Segment

Recordings = dict[str, Recording]


def read_recordings(path: Path) -> Recordings:
    """Read a file, or every file of a directory that can be scored, and put together what belongs together.

    A file with one recording is known by the file's name, a file with several by the names inside. Beside a single
    file, a `.uem` of the same name is read as well. In a directory, JSON without a list of words is passed over.
    Where several files tell the same, turns come from RTTM rather than JSON, words from JSON rather than STM rather
    than CTM. Raises `SourceNotFound`, `MalformedFile`, and `InvalidOption` for a file of another kind.
    """
    if not path.exists():
        message = f"{path} does not exist"
        raise SourceNotFound(message)
    if path.is_dir():
        files = [file for file in sorted(path.iterdir()) if file.suffix in READERS and not _is_other_json(file)]
    else:
        uem = path.with_suffix(".uem")
        files = [path, *([uem] if uem.exists() and uem != path else [])]
    found: Recordings = {}
    for file in sorted(files, key=lambda file: list(READERS).index(file.suffix) if file.suffix in READERS else 0):
        for key, recording in read_file(file).items():
            found[key] = _merged(found[key], recording) if key in found else recording
    return found


def read_file(path: Path) -> Recordings:
    """Read one file. Raises `MalformedFile`, and `InvalidOption` where its suffix is none of those known."""
    reader = READERS.get(path.suffix)
    if reader is None:
        message = f"{path.name}: cannot be scored; give {', '.join(READERS)}"
        raise InvalidOption(message)
    try:
        found = reader(path.read_text(encoding="utf-8-sig"))
    except (MalformedFile, UnicodeDecodeError) as error:
        message = f"{path.name}: {error}"
        raise MalformedFile(message) from error
    if len(found) == 1:
        found = {path.stem: next(iter(found.values()))}
    elif not found:
        # An empty RTTM says that nobody speaks; so do the others in their way.
        found = {path.stem: NOTHING[path.suffix]}
    return {key: replace(recording, uri=key) for key, recording in found.items()}


def _merged(first: Recording, second: Recording) -> Recording:
    """`first`, with what it lacks from `second`."""
    known = {field.name: getattr(first, field.name) for field in fields(first)}
    return replace(second, **{name: value for name, value in known.items() if value is not None})


def _read_rttm(text: str) -> Recordings:
    return {uri: Recording(uri=uri, turns=turns) for uri, turns in rttm.parse(text).items()}


def _read_ctm(text: str) -> Recordings:
    found: Recordings = {}
    for uri, entries in ctm.parse(text).items():
        words = tuple(
            SpokenWord(text=entry.text, start=entry.start, end=entry.end, channel=entry.channel - 1)
            for entry in entries
        )
        found[uri] = Recording(uri=uri, words=words, timed=words)
    return found


def _read_stm(text: str) -> Recordings:
    found: Recordings = {}
    for uri, utterances in stm.parse(text).items():
        words = tuple(
            SpokenWord(text=word, start=item.start, end=item.end, speaker=item.speaker, channel=item.channel - 1)
            for item in utterances
            for word in item.text.split()
        )
        found[uri] = Recording(uri=uri, words=words)
    return found


def _read_uem(text: str) -> Recordings:
    """Read lines of `<uri> <channel> <start> <end>`. Comments (`;;`) are passed over."""
    found: dict[str, list[Segment]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.startswith(";;"):
            try:
                uri, _, start, end = line.split()[:4]
                found.setdefault(uri, []).append(Segment(float(start), float(end)))
            except ValueError as error:
                message = f"UEM line {number} is not `uri channel start end`"
                raise MalformedFile(message) from error
    return {uri: Recording(uri=uri, scored=tuple(sorted(segments))) for uri, segments in found.items()}


def _read_json(text: str) -> Recordings:
    """Native JSON, or any object whose `words` have text (or word), start, end and, perhaps, a speaker."""
    try:
        plain = json.loads(text)
        if "schema_version" in plain:
            recording = Recording.of(native.parse(text))
        else:
            words = tuple(sorted((_json_word(word) for word in plain["words"]), key=lambda word: word.start))
            recording = Recording(uri="", words=words, timed=words)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        message = f"not JSON with words that have text, start and end: {error!r}"
        raise MalformedFile(message) from error
    return {recording.uri: recording}


def _json_word(word: Mapping[str, Any]) -> SpokenWord:
    return SpokenWord(
        text=str(word["text"] if "text" in word else word["word"]),
        start=float(word["start"]),
        end=float(word["end"]),
        speaker=None if word.get("speaker") is None else str(word["speaker"]),
    )


def _is_other_json(path: Path) -> bool:
    """Whether a file is JSON of another kind: subtitles for WhisperX, a manifest, …."""
    if path.suffix != ".json":
        return False
    try:
        plain = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError:
        return False
    return not (isinstance(plain, dict) and isinstance(plain.get("words"), list))


READERS: Mapping[str, Callable[[str], Recordings]] = MappingProxyType(
    {".rttm": _read_rttm, ".json": _read_json, ".stm": _read_stm, ".ctm": _read_ctm, ".uem": _read_uem}
)
"""By suffix; what comes first counts where two files tell the same."""
NOTHING: Mapping[str, Recording] = MappingProxyType(
    {
        ".rttm": Recording(uri="", turns=()),
        ".stm": Recording(uri="", words=()),
        ".ctm": Recording(uri="", words=(), timed=()),
        ".uem": Recording(uri="", scored=()),
    }
)
"""What a file without a line says."""

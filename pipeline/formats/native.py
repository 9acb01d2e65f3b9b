"""Hansard's own JSON: everything that is known about a recording, every key always present.

`schema/transcript-v1.json` describes it (JSON Schema 2020-12). Times are float seconds on the millisecond grid,
probabilities have four decimals. Each word stands once, in `words`; utterances and recognizer segments name their
words by position in that list.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from pipeline.errors import MalformedFile
from pipeline.formats.native_document import SCHEMA_VERSION, document
from pipeline.formats.native_reading import transcript
from pipeline.types import Transcript

__all__ = ["SCHEMA_VERSION", "document", "encode", "parse", "schema"]


def encode(transcript: Transcript) -> str:
    """Write a transcript as JSON, one line for each item of a list, so that it can be read and compared.

    Raises ValueError where a number is not finite, or where an utterance has a word that the transcript lacks.
    """
    entries = (f"{_json(key)}: {_value(value)}" for key, value in document(transcript).items())
    return "{\n" + ",\n".join(entries) + "\n}\n"


def parse(text: str | bytes) -> Transcript:
    """Read what `encode` wrote.

    Times come back on the millisecond grid, and words of recognizer segments as they stand in the transcript, with
    their speakers; encoding the result again gives the same text. Raises `MalformedFile` for anything else.
    """
    try:
        return transcript(json.loads(text))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        message = f"not a Hansard transcript (schema version {SCHEMA_VERSION}): {error!r}"
        raise MalformedFile(message) from error


def schema() -> dict[str, Any]:
    """Return the JSON Schema that every encoded transcript validates against."""
    text = files("pipeline.formats").joinpath("schema/transcript-v1.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def _value(value: object) -> str:
    """JSON with the items of a list on lines of their own."""
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(_json(item) for item in value) + "\n]"
    return _json(value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)

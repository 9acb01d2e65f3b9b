"""Notices as JSON text, for artefacts that are no JSON themselves: a list of `{code, message}`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from pipeline.formats import native_reading as native
from pipeline.types import Notice


def to_json(notices: Sequence[Notice]) -> str:
    """Write notices."""
    return json.dumps([asdict(notice) for notice in notices])


def from_json(text: str | bytes) -> tuple[Notice, ...]:
    """Read what `to_json` wrote; raises KeyError, TypeError or ValueError for anything else."""
    return tuple(native.notice(item) for item in json.loads(text))

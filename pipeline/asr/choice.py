"""Which recognizer runs where none is named."""

from __future__ import annotations

from typing import Final

from pipeline.errors import ModelUnavailable
from pipeline.models.store import ModelStore
from pipeline.options import AsrOptions
from pipeline.types import Notice

PREFERRED_MODELS: Final = {"cuda": "whisper-large-v3-turbo", "cpu": "whisper-small"}
EMBEDDED_MODEL: Final = "whisper-tiny.en"
"""The recognizer that can be had wherever packages can."""


def best_available(store: ModelStore, device: str, asked: AsrOptions) -> tuple[str, list[Notice]]:
    """The recognizer that suits the device, or the one that packages carry, with a notice that says so.

    Raises `ModelUnavailable` where the latter cannot do what is asked.
    """
    preferred = PREFERRED_MODELS[device]
    try:
        store.path(preferred)
    except ModelUnavailable:
        if asked.language not in {None, "en"} or asked.task != "transcribe":
            raise
        message = (
            f"{preferred} could not be had on this machine, so {EMBEDDED_MODEL} was used: it knows English only and "
            f"makes more errors. Fetch the other with `hansard models pull {preferred}`, or name a model."
        )
        return EMBEDDED_MODEL, [Notice("fallback_model", message)]
    return preferred, []

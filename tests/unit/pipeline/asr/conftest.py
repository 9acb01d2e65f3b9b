from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.pipeline.asr.network import small_whisper


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small Whisper model."""
    return small_whisper.write(tmp_path_factory.mktemp("whisper"))

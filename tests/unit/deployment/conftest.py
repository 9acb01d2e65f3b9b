"""What tests of the deployment may ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY


@pytest.fixture(scope="session")
def keda() -> Path:
    """KEDA's resource definitions. Skips where there are none; fails where HANSARD_KEDA_CRDS names no folder."""
    named = os.environ.get("HANSARD_KEDA_CRDS")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "data" / "keda"
    if folder.is_dir():
        return folder
    if named:
        pytest.fail(f"HANSARD_KEDA_CRDS names {folder}, which is not a folder")
    pytest.skip(f"no resource definitions of KEDA at {folder}; set HANSARD_KEDA_CRDS")

"""What every test may ask for, and what a machine must have for the tests that need more than the code."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from pipeline.models import ModelStore

REPOSITORY = Path(__file__).resolve().parents[1]
ON_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}

# No deadline an example, as a busy machine would break any. On CI the same examples each time, and fewer: new ones are
# for the people who can look at what they find.
settings.register_profile(
    "hansard",
    deadline=None,
    derandomize=ON_CI,
    max_examples=50 if ON_CI else 100,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("hansard")


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The test speech. Skips where there is none; fails where HANSARD_TESTDATA names a folder that is not there."""
    named = os.environ.get("HANSARD_TESTDATA")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "testdata" / "public"
    if folder.is_dir():
        return folder
    if named:
        pytest.fail(f"HANSARD_TESTDATA names {folder}, which is not a folder")
    pytest.skip(f"no test speech at {folder}; set HANSARD_TESTDATA")


@pytest.fixture(scope="session")
def store() -> ModelStore:
    """The user's models, fetched on first use."""
    from pipeline.models import ModelStore

    return ModelStore.from_environment()


@pytest.fixture(scope="session")
def weights(store: ModelStore) -> Callable[[str], Path]:
    """Path of a model by name. Where it cannot be had: fails on CI, skips elsewhere."""
    from pipeline.errors import ModelUnavailable

    def path(name: str) -> Path:
        try:
            return store.path(name)
        except ModelUnavailable as error:
            if ON_CI:
                pytest.fail(f"{name}: {error}")
            pytest.skip(f"{name}: {error}")

    return path

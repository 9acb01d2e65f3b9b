from __future__ import annotations

import json

import pytest

from pipeline.errors import MissingDependency
from pipeline.extras import require


def test_a_module_that_is_there_is_returned() -> None:
    assert require("json", "plot") is json


def test_a_missing_module_names_the_extra_to_install() -> None:
    with pytest.raises(MissingDependency, match=r'^nowhere is not installed; run: pip install "hansard\[plot\]"$'):
        require("nowhere.deep.inside", "plot")

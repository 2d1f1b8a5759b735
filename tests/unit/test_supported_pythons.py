"""The oldest supported Python: with an older one, pip must report that ringback needs a newer Python.

An old pip, such as 23.0, looks for the dependencies first. A dependency that excludes this Python would hide the
reason.
"""

import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REQUIREMENTS = [Requirement(line) for line in PROJECT["dependencies"]]
NEWEST_TOO_OLD = "3.10"


def test_python_that_is_too_old_is_excluded() -> None:
    assert not SpecifierSet(PROJECT["requires-python"]).contains(f"{NEWEST_TOO_OLD}.0")


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda requirement: requirement.name)
def test_dependency_that_excludes_an_old_python_is_not_required_on_it(requirement: Requirement) -> None:
    supported = SpecifierSet(distribution(requirement.name).metadata["Requires-Python"] or "")
    environment = {"python_version": NEWEST_TOO_OLD}

    is_required = requirement.marker is None or requirement.marker.evaluate(environment)

    assert supported.contains(f"{NEWEST_TOO_OLD}.0") or not is_required

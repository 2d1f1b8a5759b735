"""Consistency of the decision records and CONTRIBUTING's map with the code."""

import re
import tomllib
from pathlib import Path
from typing import Any

from ringback.startup import TASK_NAMES

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src/ringback"


def record(number: int) -> str:
    [path] = ROOT.glob(f"docs/decisions/{number:04d}-*.md")
    return path.read_text(encoding="utf-8")


def import_contracts() -> list[dict[str, Any]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts: list[dict[str, Any]] = project["tool"]["importlinter"]["contracts"]
    return contracts


def test_layers_record_lists_the_import_contracts() -> None:
    names = [contract["name"] for contract in import_contracts()]

    assert re.findall(r"^- \*(.+)\*$", record(1), re.MULTILINE) == names


def test_layers_record_lists_the_layers_from_the_top() -> None:
    [layers] = [contract["layers"] for contract in import_contracts() if contract["type"] == "layers"]

    rows = re.findall(r"^\| ([`\w, ]+) \|", record(1), re.MULTILINE)[1:]

    assert [re.findall(r"`(\w+)`", row) for row in rows] == [re.findall(r"\w+", layer) for layer in layers]


def test_contributing_map_lists_every_package_and_root_module() -> None:
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    present = {path.name for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}

    listed = re.findall(r"^\| `src/ringback/([\w.]+)` \|", contributing, re.MULTILINE)

    assert sorted(listed) == sorted(present - {"__init__.py"}), "CONTRIBUTING.md, Where things are"


def test_operations_page_lists_the_background_tasks() -> None:
    section = (ROOT / "docs/operations.md").read_text(encoding="utf-8").partition("\n## Background tasks\n")[2]
    listed = re.findall(r"^\| `(\w+)` \|", section.partition("\n## ")[0], re.MULTILINE)

    assert listed == list(TASK_NAMES)


def test_index_of_decisions_lists_every_record() -> None:
    index = (ROOT / "docs/decisions/README.md").read_text(encoding="utf-8")

    listed = re.findall(r"^\| \[(\d+)\]\((\d{4}-[\w-]+\.md)\) \|", index, re.MULTILINE)

    assert [name for _, name in listed] == sorted(path.name for path in ROOT.glob("docs/decisions/0*.md"))
    assert [int(number) for number, _ in listed] == [int(name[:4]) for _, name in listed]

"""The decision records agree with the code that they describe."""

import re
import tomllib
from pathlib import Path

from ringback.startup import TASK_NAMES

ROOT = Path(__file__).parents[2]


def record(number: int) -> str:
    [path] = ROOT.glob(f"docs/decisions/{number:04d}-*.md")
    return path.read_text(encoding="utf-8")


def test_the_record_of_layers_lists_the_import_contracts() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = [contract["name"] for contract in project["tool"]["importlinter"]["contracts"]]

    assert re.findall(r"^- \*(.+)\*$", record(1), re.MULTILINE) == contracts


def test_the_record_of_supervision_lists_the_background_tasks() -> None:
    listed = re.findall(r"^\| `(\w+)` \|", record(16), re.MULTILINE)

    assert listed == list(TASK_NAMES)

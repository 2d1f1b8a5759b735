"""The ringback containers in compose files, CI workflows and the docs' YAML blocks."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from support.code_blocks import ROOT

PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*/*.md")])
COMPOSE_FILES = sorted([ROOT / "compose.yaml", *ROOT.glob("examples/*/compose*.yaml")])
_BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_DEFAULT = re.compile(r"\$\{[A-Z_]+:-([^}]*)\}")
IMAGES = re.compile(r"(.*/)?ringback(:.*)?")


class Service(NamedTuple):
    """A service in a compose file or a CI job, and the document that contains it. `place` names the document."""

    place: str
    name: str
    described: dict[str, Any]
    document: dict[str, Any]

    @property
    def is_ringback(self) -> bool:
        return IMAGES.fullmatch(self.described.get("image", "")) is not None

    @property
    def variables(self) -> dict[str, str | None]:
        """Variables of the container. A variable without a value takes it from the user's environment."""
        found: dict[str, str | None] = self.described.get("environment") or self.described.get("env") or {}
        return found

    @property
    def environment(self) -> dict[str, str]:
        """Variables of the container, for a user whose environment sets none of them."""
        return {name: _DEFAULT.sub(r"\1", value) for name, value in self.variables.items() if value is not None}

    @property
    def ports(self) -> list[tuple[str, int]]:
        """Host address and container port of each published port, such as ``("127.0.0.1", 8010)``."""
        split = (_DEFAULT.sub(r"\1", str(port)).rpartition(":") for port in self.described.get("ports", ()))
        return [(outside.rpartition(":")[0], int(inside)) for outside, _, inside in split]

    @property
    def volumes(self) -> list[tuple[str, str, bool]]:
        """Name, mount point and writability of each volume."""
        split = (str(volume).split(":") for volume in self.described.get("volumes", ()))
        return [(name, folder, mode != ["ro"]) for name, folder, *mode in split]


def documents() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every compose file and every YAML block of the docs, with its name."""
    for file in COMPOSE_FILES:
        yield _name(file), yaml.safe_load(file.read_text(encoding="utf-8"))
    for page in PAGES:
        for number, block in enumerate(_BLOCK.findall(page.read_text(encoding="utf-8")), 1):
            yield f"{_name(page)} {number}", yaml.safe_load(block)


def services() -> list[Service]:
    """Return every service in these documents, including services of CI jobs."""
    found = []
    for place, document in documents():
        for holder in (document, *document.get("jobs", {}).values()):
            for name, described in holder.get("services", {}).items():
                found.append(Service(f"{place}: {name}", name, described, document))
    return found


def _name(file: Path) -> str:
    return str(file.relative_to(ROOT))

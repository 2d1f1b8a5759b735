"""Reader of fidelity.toml: facts about Twilio's behavior, each with its evidence, its implementation and its tests."""

import tomllib
from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

FIDELITY_PATH = Path(__file__).with_name("fidelity.toml")

Text = Annotated[str, AfterValidator(lambda text: " ".join(text.split())), Field(min_length=1)]
"""Text in which line breaks are replaced with spaces."""
Id = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Place = Annotated[str, Field(pattern=r"^[a-z0-9_/]+\.\w+(:[\w.]+)?$")]


class FidelityFileError(ValueError):
    """The file is not valid. The message says, for each section and fact, what is wrong with it."""


class Label(StrEnum):
    """The kind of a piece of evidence."""

    PAGE = "page"
    OAI = "oai"
    DOCUMENTED = "documented"
    OBSERVED = "observed"
    ASSUMED = "assumed"


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Evidence(_Entry):
    """Evidence for a fact, or only for the named `part` of it."""

    label: Label
    part: Text | None = None
    source: Text | None = None


class Fact(_Entry):
    """One fact that a client can notice. The main evidence is first.

    Each place in `where` is a path below src/ringback, or `PATH:NAME`.
    """

    id: Id
    fact: Text
    evidence: Annotated[tuple[Evidence, ...], Field(min_length=1)]
    grade: Literal[1, 2, 3] | None = None
    setting: str | None = None
    where: tuple[Place, ...] = ()
    tests: Annotated[tuple[str, ...], Field(min_length=1)]


class Section(_Entry):
    """A group of facts. `summary` is its line in the table of contents, `introduction` is Markdown."""

    id: Id
    title: Text
    summary: Text
    introduction: str = ""
    facts: Annotated[tuple[Fact, ...], Field(alias="fact")] = ()


class FidelityFile(_Entry):
    """The file's contents: the introduction of the page, in Markdown; the meaning of each label; the sections."""

    introduction: str
    labels: dict[Label, Text]
    sections: Annotated[tuple[Section, ...], Field(alias="section")]


@cache
def read_fidelity() -> FidelityFile:
    """Read the file that ships with ringback. The first call takes about 50 ms. Raises FidelityFileError."""
    return parse_fidelity(FIDELITY_PATH.read_text(encoding="utf-8"))


def parse_fidelity(text: str) -> FidelityFile:
    """Read and check the contents of a file. Raises FidelityFileError."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FidelityFileError(f"not valid TOML: {error}") from error
    try:
        file = FidelityFile.model_validate(document)
    except ValidationError as error:
        raise FidelityFileError("\n".join(_describe_errors(document, error))) from error
    if problems := list(_find_problems(file)):
        raise FidelityFileError("\n".join(problems))
    return file


def _describe_errors(document: Any, error: ValidationError) -> Iterator[str]:
    """Yield a line for each error. The line names the innermost section or fact that has an id."""
    for detail in error.errors(include_url=False):
        value, name = document, ""
        keys: list[str] = []
        for key in detail["loc"]:
            keys.append(str(key))
            value = value[int(key)] if isinstance(value, list) else value.get(key)
            if isinstance(value, dict) and "id" in value:
                name, keys = f"{value['id']}: ", []
            if not isinstance(value, dict | list):
                break
        yield f"{name}{'.'.join(keys)}: {detail['msg']}"


def _find_problems(file: FidelityFile) -> Iterator[str]:
    yield from (f"labels: {label} has no meaning" for label in Label if label not in file.labels)
    for ids in (_section_ids(file), _fact_ids(file)):
        yield from (f"{name}: this id occurs twice" for name in sorted({name for name in ids if ids.count(name) > 1}))


def _section_ids(file: FidelityFile) -> list[str]:
    return [section.id for section in file.sections]


def _fact_ids(file: FidelityFile) -> list[str]:
    return [fact.id for section in file.sections for fact in section.facts]

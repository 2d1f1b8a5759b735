"""The facts of fidelity.toml: the file is valid, its names exist, and docs/fidelity.md is generated from it."""

import re
from pathlib import Path

import pytest

from ringback.config.settings import Settings
from ringback.control_api.fidelity_file import Fact, FidelityFileError, Label, parse_fidelity, read_fidelity
from support.generators.fidelity_page import page

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "src/ringback"
SECTIONS = read_fidelity().sections
FACTS = [fact for section in SECTIONS for fact in section.facts]
TESTS = set(
    re.findall(
        r"def (test_\w+)\(", "\n".join(path.read_text(encoding="utf-8") for path in ROOT.glob("tests/*/test_*.py"))
    )
)
LABELS = "\n".join(['introduction = ""', "[labels]", *(f'{label} = "meaning"' for label in Label)])
FACT = 'id = "one"\nfact = "HEAD is GET"\nevidence = [{ label = "page" }]\ntests = ["test_one"]'
SECTION = '[[section]]\nid = "methods"\ntitle = "Methods"\nsummary = "methods"'


def file_with(*facts: str) -> str:
    return "\n".join([LABELS, SECTION, *(f"[[section.fact]]\n{fact}" for fact in facts)])


def test_fidelity_page_is_up_to_date() -> None:
    assert (ROOT / "docs/fidelity.md").read_text(encoding="utf-8") == page(read_fidelity()), "run `make docs`"


def test_every_test_of_a_fact_exists() -> None:
    missing = [f"{fact.id}: {name}" for fact in FACTS for name in fact.tests if name not in TESTS]

    assert missing == []


def missing_places(fact: Fact) -> list[str]:
    return [place for place in fact.where if not exists(*place.partition(":")[::2])]


def exists(path: str, name: str) -> bool:
    """Return whether a file below src/ringback exists and contains every part of a dotted name."""
    if not (SOURCES / path).is_file():
        return False
    source = (SOURCES / path).read_text(encoding="utf-8")
    return all(re.search(rf"\b{part}\b", source) for part in name.split("."))


def test_every_source_location_of_a_fact_exists() -> None:
    assert "twilio_api/request_context.py:RequestContext" in [place for fact in FACTS for place in fact.where]
    assert [f"{fact.id}: {place}" for fact in FACTS for place in missing_places(fact)] == []


def test_every_setting_of_a_fact_exists() -> None:
    named = {fact.setting for fact in FACTS if fact.setting}

    assert named
    assert sorted(named - set(Settings.model_fields)) == []


def test_every_label_is_used() -> None:
    assert {evidence.label for fact in FACTS for evidence in fact.evidence} == set(Label)


def test_line_breaks_in_a_fact_are_replaced_by_spaces() -> None:
    file = parse_fidelity(file_with(FACT.replace('"HEAD is GET"', '"""\nHEAD\nis GET"""')))

    assert [fact.fact for fact in file.sections[0].facts] == ["HEAD is GET"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[section", "not valid TOML: "),
        (file_with(FACT, FACT), "one: this id occurs twice"),
        (file_with() + f"\n{SECTION}", "methods: this id occurs twice"),
        (file_with(FACT).replace('page = "meaning"\n', ""), "labels: page has no meaning"),
        (file_with(FACT.replace('"page"', '"rumor"')), "one: evidence.0.label: Input should be 'page', "),
        (file_with(FACT.replace("tests", "test")), "one: tests: Field required\none: test: Extra inputs are not"),
        (file_with(f"{FACT}\ngrade = 4"), "one: grade: Input should be 1, 2 or 3"),
        (file_with(f'{FACT}\nwhere = ["app.py, create_app"]'), "one: where.0: String should match pattern"),
        (file_with(FACT.replace('"one"', '"One"')), "One: id: String should match pattern"),
        (file_with(FACT.replace('id = "one"\n', "")), "methods: fact.0.id: Field required"),
    ],
)
def test_invalid_file_is_rejected_with_the_id_of_the_fact(text: str, message: str) -> None:
    with pytest.raises(FidelityFileError) as caught:
        parse_fidelity(text)

    assert str(caught.value).startswith(message)

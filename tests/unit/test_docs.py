"""What the documents name exists: tests, source files, constants' places, other documents."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*/*.md")])
TESTS = "\n".join(path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("tests/*/*.py")))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_test_that_a_document_names_exists(document: Path) -> None:
    named = re.findall(r"`(test_\w+)`", document.read_text(encoding="utf-8"))

    missing = [name for name in named if f"def {name}(" not in TESTS and not list(ROOT.glob(f"tests/*/{name}.py"))]

    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_source_file_that_a_document_names_exists(document: Path) -> None:
    named = re.findall(r"`(?:src/ringback/)?([a-z_]+/[a-z_/]+\.py)`", document.read_text(encoding="utf-8"))

    folders = (ROOT / "src/ringback", ROOT, document.parent)
    missing = {name for name in named if not any((folder / name).exists() for folder in folders)}

    assert sorted(missing) == []


def test_every_name_stands_in_the_source_file_after_which_fidelity_names_it() -> None:
    places = re.findall(
        r"`([a-z_/]+\.py)`((?:, (?:by )?`[\w.]+`)+)", (ROOT / "docs/fidelity.md").read_text(encoding="utf-8")
    )
    named = {(file, name) for file, names in places for name in re.findall(r"`([\w.]+)`", names) if name[-3:] != ".py"}

    missing = sorted(
        (file, name)
        for file, name in named
        for part in name.split(".")
        if not re.search(rf"\b{part}\b", (ROOT / "src/ringback" / file).read_text(encoding="utf-8"))
    )

    assert ("twilio_api/request_context.py", "RequestContext") in named
    assert missing == []


def test_every_source_that_a_docstring_names_is_a_heading_or_a_row_of_fidelity() -> None:
    fidelity = (ROOT / "docs/fidelity.md").read_text(encoding="utf-8")
    code = "\n".join(path.read_text(encoding="utf-8") for path in ROOT.glob("src/**/*.py"))
    headings = {heading.lower() for heading in re.findall(r"^#+ (.+)$", fidelity, re.MULTILINE)}

    named = {name.lower() for name in re.findall(r"docs/fidelity\.md, \"?([^\[\"\n.]+?)\"? ?[\[.]", code)}

    assert named
    assert sorted(named - headings) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!http|#|mailto)([^)#]+)", document.read_text(encoding="utf-8"))

    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_lines_of_curl_run_on_old_ones_too_ask_the_default_port_and_keep_the_plus_of_a_number(document: Path) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL)

    wrong = re.findall(r"--json .*|-d \w+=\+.*|BASE=http://127.0.0.1:(?!8010).*", "".join(blocks))

    assert wrong == []

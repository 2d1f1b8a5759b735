"""Names, links and code blocks in documents: names and links must exist, blocks must be run or marked."""

import re
from pathlib import Path

import pytest

from ringback.control_api.fidelity_file import read_fidelity
from ringback.domain.phones import RESERVED_BEHAVIORS, PhoneBehavior
from support.code_blocks import PAGES

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*/*.md")])
TOPICS = [
    ROOT / "README.md",
    *sorted({*ROOT.glob("docs/*.md"), *ROOT.glob("docs/clients/*.md")} - {ROOT / "docs/performance.md"}),
]
"""README and the docs pages, except for generated pages and decision records."""
OUTPUTS = {"text", "json", "mermaid"}
"""Languages of blocks that are not commands or programs."""
MAX_LINES = 5
"""Maximum number of lines of a paragraph."""
IN_TEXT_ONLY = {
    "docker build --pull": "there is no registry to pull from",
    "docker compose --file compose.host.yaml down --volumes": "test_example_compose_files.py ends with it",
    "docker run --user": "tests/containers/test_docker_run.py passes users to `docker run`",
}
"""Docker commands in the text that no documented block contains, each with its reason."""
TESTS = "\n".join(path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("tests/*/*.py")))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_tests_named_in_documents_exist(document: Path) -> None:
    named = re.findall(r"`(test_\w+)`", document.read_text(encoding="utf-8"))

    missing = [name for name in named if f"def {name}(" not in TESTS and not list(ROOT.glob(f"tests/*/{name}.py"))]

    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_source_files_named_in_documents_exist(document: Path) -> None:
    named = re.findall(r"`(?:src/ringback/)?([a-z_]+/[a-z_/]+\.py)`", document.read_text(encoding="utf-8"))

    folders = (ROOT / "src/ringback", ROOT, document.parent)
    missing = {name for name in named if not any((folder / name).exists() for folder in folders)}

    assert sorted(missing) == []


def test_sources_named_in_docstrings_are_sections_of_fidelity() -> None:
    files = [*ROOT.glob("src/**/*.py"), *ROOT.glob("tests/*/test_*.py")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    titles = {section.title.lower() for section in read_fidelity().sections}

    named = {name.lower() for name in re.findall(r"docs/fidelity\.md, \"?([^\[\"\n.]+?)\"? ?[\[.]", text)}

    assert {"headers", "list paging"} <= named
    assert sorted(name for name in named if name not in titles and not titles.issuperset(name.split(" and "))) == []


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_docs_links_lead_to_existing_files_and_headings(document: Path) -> None:
    links = re.findall(r"\]\((?!http|mailto)([^)#]*)#?([^)]*)\)", document.read_text(encoding="utf-8"))
    targets = [(link, anchor, document.parent / link if link else document) for link, anchor in links]

    missing = [
        f"{link}#{anchor}"
        for link, anchor, target in targets
        if not target.exists() or (anchor and anchor not in anchors(target))
    ]

    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_code_blocks_are_run_or_marked_with_a_reason(document: Path) -> None:
    fences = re.findall(
        r"^([^\n]*)\n+```(\w*)\n.*?^```$", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    marker = re.compile(r"<!-- (run: [a-z-]+|not run: \S+ \S+ .+) -->")

    unmarked = [(line, language) for line, language in fences if language not in OUTPUTS and not marker.fullmatch(line)]

    assert unmarked == []


@pytest.mark.parametrize(
    "document", [path for path in DOCUMENTS if path.parent.name != "clients"], ids=lambda p: p.name
)
def test_code_blocks_marked_as_run_are_named_by_a_test(document: Path) -> None:
    marked = re.findall(r"<!-- run: ([a-z-]+) -->", document.read_text(encoding="utf-8"))
    code = TESTS + "\n".join(path.read_text(encoding="utf-8") for path in ROOT.glob("tests/support/*.py"))

    assert [name for name in marked if not re.search(rf'\(\s*"{name}"', code)] == []


def test_docker_commands_in_documents_are_run_by_tests() -> None:
    texts = [page.read_text(encoding="utf-8") for page in PAGES]
    block = re.compile(r"^<!-- ([^\n]+) -->\n+```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    blocks = [found for text in texts for found in block.findall(text)]
    in_blocks = {
        is_run: [
            line.strip() for marker, code in blocks if is_run_by_a_test(marker) == is_run for line in code.splitlines()
        ]
        for is_run in (True, False)
    }
    inline = [command for text in texts for command in re.findall(r"`(docker [a-z][^`\n]*)`", text)]

    assert [line for line in in_blocks[False] if re.search(r"(^|[\s|;&(])docker [a-z]", line)] == []
    run = "\n".join(in_blocks[True])
    assert sorted({command for command in inline if command not in run}) == sorted(IN_TEXT_ONLY)


def is_run_by_a_test(marker: str) -> bool:
    return marker.startswith("run: ") or "tests/containers/" in marker


@pytest.mark.parametrize("document", TOPICS, ids=lambda path: str(path.relative_to(ROOT)))
def test_paragraphs_have_at_most_five_lines(document: Path) -> None:
    text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    prose = [block for block in re.split(r"\n\s*\n", text) if re.match(r"(?!\d+\. )[\w*`\[(]", block.strip())]

    assert [block.strip() for block in prose if len(block.strip().splitlines()) > MAX_LINES] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_curl_commands_use_old_options_the_default_port_and_encoded_plus_signs(document: Path) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL)

    wrong = re.findall(r"--json .*|-d \w+=\+.*|BASE=http://127.0.0.1:(?!8010).*", "".join(blocks))

    assert wrong == []


def test_behaviors_and_reserved_numbers_are_in_readme_and_on_the_calls_page() -> None:
    readme, calls = ((ROOT / page).read_text(encoding="utf-8") for page in ("README.md", "docs/calls.md"))
    in_readme = re.findall(r"^\| `([a-z-]+)`[^|]*\|.*\| ([^|]+) \|$", readme, re.MULTILINE)
    in_calls = re.findall(r"^\| (\+1 500 [\d ]+) \| `([a-z-]+)` \|$", calls, re.MULTILINE)

    reserved = {number: str(behavior) for number, behavior in RESERVED_BEHAVIORS.items()}

    assert {number.replace(" ", ""): name for number, name in in_calls} == reserved
    assert {number.replace(" ", ""): name for name, number in in_readme if number[0] == "+"} == reserved
    assert {name for name, _ in in_readme} == set(PhoneBehavior)
    assert set(re.findall(r"^\| `([a-z-]+)` \| [a-z]", calls, re.MULTILINE)) == set(PhoneBehavior)

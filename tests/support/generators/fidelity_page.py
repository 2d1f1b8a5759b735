"""Generates docs/fidelity.md from fidelity.toml: ``python -m tests.support.generators.fidelity_page``."""

import sys
from itertools import groupby

from ringback.control_api.fidelity_file import Evidence, Fact, FidelityFile, Section, read_fidelity

HEAD = """# Fidelity: emulated behavior and its evidence

{introduction}

{labels}

Some rows also grade their evidence: {grades}.

If sources contradict each other, ringback follows the page, unless the row gives a reason. Each assumption is one
constant, function or setting, so that it can be changed in one place when a capture shows Twilio's real behavior.

`make docs` generates this page from `src/ringback/control_api/fidelity.toml`. A running server returns the facts as
JSON at `/_ringback/fidelity`.

## Contents

| section | facts about |
|---|---|
{contents}
"""
GRADES = {
    3: ("●●●", "several independent captures, or Twilio's own page"),
    2: ("●●", "one capture, or a statement of a Twilio maintainer"),
    1: ("●", "a third party's claim"),
}
TABLE_HEAD = "| fact | evidence | where | shown by |\n|---|---|---|---|\n"


def page(file: FidelityFile) -> str:
    """Return the text of the page."""
    head = HEAD.format(
        introduction=file.introduction.strip(),
        labels="\n".join(f"- **[{label}]** {meaning}" for label, meaning in file.labels.items()),
        grades="; ".join(f"{sign} {meaning}" for sign, meaning in GRADES.values()),
        contents="\n".join(
            f"| [{section.title}](#{section.id}) | {_cell(section.summary)} |" for section in file.sections
        ),
    )
    return "\n".join([head, *map(_section, file.sections)])


def _section(section: Section) -> str:
    parts = [f"## {section.title}\n"]
    if section.introduction:
        parts.append(f"{section.introduction.strip()}\n")
    if section.facts:
        parts.append(TABLE_HEAD + "".join(map(_row, section.facts)))
    return "\n".join(parts)


def _row(fact: Fact) -> str:
    tests = "<br>".join(f"`{name}`" for name in fact.tests)
    return f"| {_cell(fact.fact)} | {_cell(_evidence(fact))} | {_where(fact)} | {tests} |\n"


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def _evidence(fact: Fact) -> str:
    is_plain = not any(evidence.part or evidence.source for evidence in fact.evidence)
    text = (", " if is_plain else "; ").join(map(_label, fact.evidence))
    return f"{text} {GRADES[fact.grade][0]}" if fact.grade else text


def _label(evidence: Evidence) -> str:
    part = f" for {evidence.part}" if evidence.part else ""
    source = f": {evidence.source}" if evidence.source else ""
    return f"[{evidence.label}]{part}{source}"


def _where(fact: Fact) -> str:
    """Return the setting of a fact, and its source locations grouped by file."""
    parts = [f"setting `{fact.setting}`"] if fact.setting else []
    for path, places in groupby(fact.where, key=lambda place: place.partition(":")[0]):
        names = [place.partition(":")[2] for place in places]
        parts.append(", ".join(f"`{text}`" for text in (path, *names) if text))
    return "; ".join(parts)


if __name__ == "__main__":
    sys.stdout.write(page(read_fidelity()))

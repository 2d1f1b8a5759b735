"""Fidelity: the facts about Twilio's behavior that ringback emulates, each with its evidence."""

import asyncio
from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from ringback.control_api.errors import unprocessable
from ringback.control_api.fidelity_file import Evidence, Fact, FidelityFile, Label, Section, read_fidelity
from ringback.control_api.large_responses import list_response
from ringback.control_api.schemas import ResponseModel

router = APIRouter(tags=["Fidelity"])


class EvidenceResponse(ResponseModel):
    """Evidence for a fact, or for a part of it."""

    label: Label
    source: str = Field(description="The source, or the meaning of the label if no other source is known.")
    part: str | None = Field(description="The part of the fact that this evidence supports. Null for the whole fact.")


class FactResponse(ResponseModel):
    """A fact about Twilio's behavior that a client can notice. `label` and `source` describe the main evidence."""

    id: str = Field(description="A permanent name.")
    section: str = Field(description="Anchor of the section's heading in docs/fidelity.md.")
    fact: str = Field(description="The behavior, in Markdown.")
    label: Label
    source: str
    evidence: list[EvidenceResponse] = Field(description="All evidence, the main one first.")
    grade: int | None = Field(
        description="3: several independent captures, or Twilio's own page. 2: one capture, or a statement of a Twilio "
        "maintainer. 1: a third party's claim. Null if the evidence is not graded."
    )
    setting: str | None = Field(description="The setting that changes this behavior.")
    where: list[str] = Field(
        description="The places in ringback's code that implement the behavior, as `PATH` or `PATH:NAME`."
    )
    test: list[str] = Field(description="The tests that verify the behavior.")


class FactListResponse(ResponseModel):
    """Facts, in the order of docs/fidelity.md."""

    facts: list[FactResponse]


@router.get("/fidelity", response_model=FactListResponse, summary="List the facts about Twilio that ringback emulates")
async def list_facts(
    label: Annotated[Label | None, Query(description="Only facts with evidence of this label.")] = None,
    section: Annotated[str | None, Query(max_length=64, description="Only facts of this section.")] = None,
) -> Response:
    """Return the facts about Twilio's behavior, each with its evidence, setting and tests, as in docs/fidelity.md."""
    file = await asyncio.to_thread(read_fidelity)
    ids = [known.id for known in file.sections if known.facts]
    if section is not None and section not in ids:
        raise unprocessable(f"section: {section!r} does not exist", f"use one of {', '.join(ids)}")
    return await list_response("facts", _facts(file, label, section), lambda found: _fact_response(file, *found))


def _facts(file: FidelityFile, label: Label | None, section_id: str | None) -> Iterator[tuple[Section, Fact]]:
    for section in file.sections:
        if section_id in (None, section.id):
            for fact in section.facts:
                if label is None or label in {evidence.label for evidence in fact.evidence}:
                    yield section, fact


def _fact_response(file: FidelityFile, section: Section, fact: Fact) -> FactResponse:
    evidence = [_evidence_response(file, entry) for entry in fact.evidence]
    return FactResponse(
        id=fact.id,
        section=section.id,
        fact=fact.fact,
        label=evidence[0].label,
        source=evidence[0].source,
        evidence=evidence,
        grade=fact.grade,
        setting=fact.setting,
        where=list(fact.where),
        test=list(fact.tests),
    )


def _evidence_response(file: FidelityFile, entry: Evidence) -> EvidenceResponse:
    return EvidenceResponse(label=entry.label, source=entry.source or file.labels[entry.label], part=entry.part)

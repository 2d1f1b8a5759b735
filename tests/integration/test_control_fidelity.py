"""The control API: the facts about Twilio's behavior, with their evidence."""

from typing import Any

import pytest

from ringback.control_api.fidelity_file import Label, read_fidelity
from support.databases.templates import SQLITE, only
from support.in_process.control import Controlled

pytestmark = [pytest.mark.anyio, only(SQLITE)]


async def facts(controlled: Controlled, **query: str) -> list[dict[str, Any]]:
    answer = await controlled.http.get("/_ringback/fidelity", params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["facts"]
    return found


async def test_fidelity_facts_are_all_listed_in_order(controlled: Controlled) -> None:
    listed = await facts(controlled)

    expected = [(section.id, fact.id) for section in read_fidelity().sections for fact in section.facts]
    assert [(fact["section"], fact["id"]) for fact in listed] == expected


async def test_fidelity_fact_has_evidence_a_setting_and_tests(controlled: Controlled) -> None:
    listed = await facts(controlled, section="policy")

    [fact] = [fact for fact in listed if fact["id"] == "calls-per-number"]
    assumed = {"label": "assumed", "source": "not known outside Twilio; chosen by ringback"}
    assert fact == assumed | {
        "id": "calls-per-number",
        "section": "policy",
        "fact": "calls to a number are unlimited, unless the policy sets a limit",
        "evidence": [assumed | {"part": None}],
        "grade": None,
        "setting": "calls_per_number_and_week",
        "where": [],
        "test": ["test_default_settings_are_the_documented_ones"],
    }


async def test_fidelity_fact_gives_the_source_and_the_scope_of_its_evidence(controlled: Controlled) -> None:
    listed = await facts(controlled, section="policy")

    [fact] = [fact for fact in listed if fact["id"] == "calls-per-number-exceeded"]
    source = "Twilio's page on hosted numbers"
    assert fact["evidence"][1] == {"label": "documented", "part": "the code", "source": source}


@pytest.mark.parametrize("label", Label)
async def test_fidelity_facts_are_filtered_by_label(controlled: Controlled, label: Label) -> None:
    listed = await facts(controlled, label=label)

    expected = [fact for fact in await facts(controlled) if label in {entry["label"] for entry in fact["evidence"]}]
    assert listed == expected
    assert 0 < len(listed) < len(await facts(controlled))


async def test_fidelity_filters_can_be_combined(controlled: Controlled) -> None:
    listed = await facts(controlled, section="friendlyname", label="page")

    assert [fact["id"] for fact in listed] == ["friendly-name-maximum"]


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"label": "rumor"}, "label: "),
        ({"section": "nowhere"}, "section: 'nowhere' does not exist"),
        ({"section": "known-differences-and-gaps"}, "section: "),
    ],
)
async def test_unknown_fidelity_filter_is_rejected(controlled: Controlled, query: dict[str, str], error: str) -> None:
    answer = await controlled.http.get("/_ringback/fidelity", params=query)

    assert answer.status_code == 422
    assert answer.json()["error"].startswith(error)
    assert answer.json()["hint"]

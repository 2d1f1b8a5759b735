"""Consistency of docs/call-states.md with the transition table."""

from pathlib import Path

from ringback.domain.calls import CALL_TRANSITIONS
from support.generators.call_states import page

PAGE = Path(__file__).parents[2] / "docs" / "call-states.md"


def test_call_states_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make docs`"


def test_call_states_diagram_has_an_arrow_for_each_transition() -> None:
    arrows = [line for line in page().splitlines() if "-->" in line and "[*]" not in line]

    assert len(arrows) == len(set(arrows)) == len(CALL_TRANSITIONS)

"""Generates docs/call-states.md from the transition table: ``python -m tests.support.generators.call_states``."""

import sys

from ringback.domain.calls import (
    CALL_TRANSITIONS,
    FINAL_STATES,
    CallEvent,
    CallState,
    Guard,
    VerificationStatus,
)
from support.domain_values import a_call

INTRODUCTION = """# The states of a validation call

The table `CALL_TRANSITIONS` in `src/ringback/domain/calls.py` has all transitions of a validation call. If it has
no transition for an event in the call's state, the event changes nothing. The label of an arrow is the event and,
in brackets, its condition.

`make docs` generates this page from the table, and a test fails if the page is outdated.
"""


def page() -> str:
    """Return the text of the page."""
    return f"{INTRODUCTION}\n```mermaid\n{_diagram()}\n```\n\n## Statuses in the API\n\n{_table()}\n"


def _diagram() -> str:
    names = [f'    state "{state}" as {_identifier(state)}' for state in CallState]
    arrows = [
        f"    {_identifier(start)} --> {_identifier(end)}: {_label(event, guard)}"
        for (start, event, guard), end in CALL_TRANSITIONS.items()
    ]
    ends = [f"    {_identifier(state)} --> [*]" for state in CallState if state in FINAL_STATES]
    return "\n".join(["stateDiagram-v2", *names, f"    [*] --> {_identifier(CallState.QUEUED)}", *arrows, *ends])


def _identifier(state: CallState) -> str:
    return "".join(word.capitalize() for word in state.split("-"))


def _label(event: CallEvent, guard: Guard) -> str:
    return f"{event} [{guard}]" if guard else str(event)


def _table() -> str:
    rows = [
        f"| {state} | `{a_call(state=state).call_status}` | {_verification_statuses(state)} |" for state in CallState
    ]
    return "\n".join(["| State | CallStatus | VerificationStatus |", "|---|---|---|", *rows])


def _verification_statuses(state: CallState) -> str:
    if state not in FINAL_STATES:
        return "none yet"
    guards = {guard for (_, _, guard), end in CALL_TRANSITIONS.items() if end == state}
    if Guard.RIGHT_CODE in guards:
        return f"`{VerificationStatus.SUCCESS}` after the correct code, otherwise `{VerificationStatus.FAILED}`"
    return f"`{VerificationStatus.FAILED}`"


if __name__ == "__main__":
    sys.stdout.write(page())

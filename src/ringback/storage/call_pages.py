"""The list of an account's calls, and what it may be held to."""

from typing import Any

from sqlalchemy import bindparam, case, func

from ringback.domain.call_filters import CallFilters
from ringback.domain.calls import CallState
from ringback.storage.call_rows import CALL_COLUMNS, call_of
from ringback.storage.pages import PagedRows
from ringback.storage.tables import validation_calls as table

_STARTED = func.coalesce(table.c.ringing_at, case((table.c.phone.is_not(None), table.c.ended_at)))
"""As domain.call_lists.start_time has it."""
_ENDED = case((table.c.state == CallState.COMPLETED.value, table.c.ended_at))
"""As domain.call_lists.end_time has it."""

CALL_PAGES = PagedRows(
    table,
    CALL_COLUMNS,
    {
        "phone_number": table.c.phone_number == bindparam("phone_number"),
        "state": table.c.state.in_([bindparam("state"), bindparam("other_state")]),
        "started_from": bindparam("started_from") <= _STARTED,
        "started_before": bindparam("started_before") > _STARTED,
        "ended_from": bindparam("ended_from") <= _ENDED,
        "ended_before": bindparam("ended_before") > _ENDED,
    },
    call_of,
)


def filter_values(filters: CallFilters) -> dict[str, Any]:
    """Return the parameters of the filters that hold; a status has one state, or two."""
    values = {
        "phone_number": filters.phone_number,
        "state": min(filters.states).value if filters.states else None,
        "other_state": max(filters.states).value if filters.states else None,
        "started_from": filters.started.start,
        "started_before": filters.started.before,
        "ended_from": filters.ended.start,
        "ended_before": filters.ended.before,
    }
    return {name: value for name, value in values.items() if value is not None}

"""Recovering pending work at the start, when the machine's clock was set back while no server ran."""

import orjson

from ringback.domain.faults import Delay, InvalidFault, effect_from_dict
from ringback.domain.timestamps import Timestamp, after
from ringback.operations.callbacks import LEASE_SECONDS
from ringback.storage.clock_recovery import (
    bring_call_forward,
    bring_callback_forward,
    callbacks_due_after,
    calls_planned_after,
)
from ringback.storage.stepwise import Steps, in_steps
from ringback.storage.unit_of_work import UnitOfWork

REPLICAS_DIFFER_SECONDS = 60.0
"""How far ahead another replica's clock may be before its work counts as planned by a clock that was set back since."""


@in_steps
def bring_pending_work_forward(unit_of_work: UnitOfWork, *, system_now: Timestamp) -> Steps[int]:
    """Bring calls and callbacks forward that were planned when the clock showed a later time; return how many.

    A call keeps the time that was left to its next event. A callback is due at once, or after its lease or delay. Calls
    of accounts whose clock was set are left alone: they go by that clock.
    """
    slack_seconds = 0.0 if unit_of_work.is_embedded else REPLICAS_DIFFER_SECONDS
    count = 0
    with unit_of_work:
        for call_sid, planned_at in calls_planned_after(unit_of_work, after(system_now, slack_seconds)):
            bring_call_forward(unit_of_work, call_sid, planned_at - system_now)
            count += 1
            yield
        for call_sid, is_leased, fault in callbacks_due_after(unit_of_work, after(system_now, slack_seconds)):
            due = after(system_now, LEASE_SECONDS if is_leased else _delay_seconds(fault))
            count += bring_callback_forward(unit_of_work, call_sid, due=due, latest=after(due, slack_seconds))
            yield
    return count


def _delay_seconds(fault: str | None) -> float:
    """Return how long a stored fault delays a callback; one that cannot be read does not."""
    try:
        effect = effect_from_dict(orjson.loads(fault)) if fault else None
    except (ValueError, TypeError, AttributeError, InvalidFault):
        return 0.0
    return effect.seconds if isinstance(effect, Delay) else 0.0

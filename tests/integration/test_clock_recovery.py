"""Startup after the system clock was set back while no server was running: pending work is brought forward."""

import pytest

from ringback.domain.account_clock import ClockMode
from ringback.domain.timestamps import after
from ringback.operations.callbacks import LEASE_SECONDS
from ringback.operations.clocks import REPLICAS_DIFFER_SECONDS, bring_pending_work_forward, set_clock
from support.clocks import START
from support.domain_values import ACCOUNT_SID
from support.in_process.outbox import Outbox
from support.in_process.simulation import Simulation, execute, query

HOUR = 3_600.0
DUE = "SELECT due_at, real_due_at, code_expires_at FROM validation_calls"
CALLBACKS = "SELECT due_at, leased_until FROM status_callbacks"


def test_call_scheduled_before_the_clock_was_set_back_keeps_its_remaining_delay(simulation: Simulation) -> None:
    simulation.validate(call_delay_seconds=7)
    execute(simulation.database, "UPDATE validation_calls SET code_expires_at = due_at + 1")

    count = bring_pending_work_forward(simulation.unit_of_work, system_now=after(START, -HOUR))

    due = after(START, -HOUR + 7)
    assert (count, query(simulation.database, DUE)) == (1, [(due, due, due + 1)])


def test_call_is_brought_forward_only_by_the_first_start(simulation: Simulation) -> None:
    simulation.validate(call_delay_seconds=100)
    execute(simulation.database, "UPDATE validation_calls SET code_expires_at = due_at + 1")
    starts = (-HOUR, 2 - HOUR)

    counts = [bring_pending_work_forward(simulation.unit_of_work, system_now=after(START, at)) for at in starts]

    due = after(START, -HOUR + 100)
    assert (counts, query(simulation.database, DUE)) == ([1, 0], [(due, due, due + 1)])


def test_call_is_unchanged_if_the_clock_was_not_set_back(simulation: Simulation) -> None:
    simulation.validate(call_delay_seconds=7)
    before = query(simulation.database, DUE)

    counts = [
        bring_pending_work_forward(simulation.unit_of_work, system_now=after(START, later)) for later in (0, 3, HOUR)
    ]

    assert (counts, query(simulation.database, DUE)) == ([0, 0, 0], before)


@pytest.mark.parametrize("mode", ClockMode)
def test_call_of_an_account_whose_clock_was_set_is_not_brought_forward(simulation: Simulation, mode: ClockMode) -> None:
    set_clock(simulation.unit_of_work, ACCOUNT_SID, mode=mode, account_now=after(START, HOUR), system_now=START)
    simulation.validate(call_delay_seconds=7)
    before = query(simulation.database, DUE)

    count = bring_pending_work_forward(simulation.unit_of_work, system_now=after(START, -HOUR))

    assert (count, query(simulation.database, DUE)) == (0, before)


def test_replica_whose_clock_is_a_little_ahead_keeps_its_calls(simulation: Simulation) -> None:
    simulation.validate()

    count = bring_pending_work_forward(simulation.unit_of_work, system_now=after(START, -REPLICAS_DIFFER_SECONDS / 2))

    assert count == (0 if simulation.database.is_shared else 1)


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ("leased_until = NULL", 0.0),
        ("leased_until = due_at", LEASE_SECONDS),
        ("fault = '{\"delay_seconds\": 30}'", 30.0),
        ('fault = \'{"signature": "bad"}\'', 0.0),
        ("fault = 'unreadable'", 0.0),
    ],
)
def test_callback_scheduled_before_the_clock_was_set_back_is_due_soon(
    outbox: Outbox, changes: str, seconds: float
) -> None:
    outbox.enqueue("http://app.test/")
    sql = f"UPDATE status_callbacks SET {changes}"  # noqa: S608 - the test chooses the columns
    execute(outbox.simulation.database, sql.replace(":", r"\:"))

    system_now = after(outbox.simulation.clock.now(), -HOUR)
    count = bring_pending_work_forward(outbox.simulation.unit_of_work, system_now=system_now)

    due = after(system_now, seconds)
    is_leased = changes == "leased_until = due_at"
    assert (count, query(outbox.simulation.database, CALLBACKS)) == (1, [(due, due if is_leased else None)])

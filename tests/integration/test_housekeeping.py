"""Pruning: old calls and events are deleted, calls with pending callbacks are not."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from ringback.domain.account_clock import ClockMode
from ringback.domain.phones import PhoneBehavior
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import from_datetime
from ringback.operations import retention
from ringback.operations.accounts import ensure_account
from ringback.operations.clocks import set_clock
from ringback.operations.retention import KEPT_CALLS, prune
from ringback.operations.snapshot import read_snapshot, restore_snapshot, take_snapshot
from ringback.simulator import background
from ringback.storage.errors import DatabaseUnavailable
from ringback.storage.unit_of_work import UnitOfWork
from support.databases.templates import SQLITE, only
from support.domain_values import ACCOUNT_SID, T0
from support.in_process.outbox import Outbox
from support.in_process.runners import a_housekeeper
from support.in_process.simulation import Simulation, execute, query
from support.polling import until
from support.sampling import WHOLE
from support.servers import loop_watch
from support.servers.loop_watch import RUNS, too_long

pytestmark = pytest.mark.anyio

ACCOUNTS = 4_000 if WHOLE else 300

SIDS = "SELECT sid FROM validation_calls ORDER BY date_created, sid"
EVENT_IDS = "SELECT id FROM events ORDER BY id"
OTHER_ACCOUNT = AccountSid("AC" + "9" * 32)


@pytest.fixture
def low_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limit accounts to three calls and ten events."""
    monkeypatch.setattr(retention, "KEPT_CALLS", 3)
    monkeypatch.setattr(retention, "KEPT_EVENTS", 10)


def ended_calls(simulation: Simulation, count: int, **parameters: Any) -> list[str]:
    """End `count` calls as busy, one second apart, and return their SIDs."""
    simulation.set_default_phone(PhoneBehavior.BUSY)
    sids: list[str] = []
    for number in range(count):
        sids.append(simulation.validate(f"+1415867{number:04d}", **parameters).call_sid)
        simulation.step()
        simulation.clock.advance(1)
    return sids


def test_account_keeps_a_thousand_calls() -> None:
    assert KEPT_CALLS == 1_000


@pytest.mark.usefixtures("low_limits")
def test_newest_calls_are_kept_when_calls_are_pruned(simulation: Simulation) -> None:
    sids = ended_calls(simulation, 5)

    more = prune(simulation.unit_of_work, ACCOUNT_SID)

    assert query(simulation.database, SIDS) == [(sid,) for sid in sids[2:]]
    assert more is False


@pytest.mark.usefixtures("low_limits")
def test_newest_events_are_kept_when_events_are_pruned(simulation: Simulation) -> None:
    ended_calls(simulation, 8)
    ids = query(simulation.database, EVENT_IDS)

    prune(simulation.unit_of_work, ACCOUNT_SID)

    assert query(simulation.database, EVENT_IDS) == ids[-10:]


@pytest.mark.usefixtures("low_limits")
def test_events_are_pruned_in_batches_oldest_first(simulation: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PRUNE_BATCH_EVENTS", 4)
    ended_calls(simulation, 8)
    ids = query(simulation.database, EVENT_IDS)

    more = prune(simulation.unit_of_work, ACCOUNT_SID)
    left = query(simulation.database, EVENT_IDS)
    more_then = prune(simulation.unit_of_work, ACCOUNT_SID)

    assert (len(ids), left, more) == (16, ids[4:], True)
    assert (query(simulation.database, EVENT_IDS), more_then) == (ids[-10:], False)


@pytest.mark.usefixtures("low_limits")
def test_calls_that_ended_at_the_same_time_are_pruned_like_others(simulation: Simulation) -> None:
    simulation.set_default_phone(PhoneBehavior.BUSY)
    for number in range(7):
        simulation.validate(f"+1415867{number:04d}")
    simulation.step()

    prune(simulation.unit_of_work, ACCOUNT_SID)

    assert len(query(simulation.database, SIDS)) == 3


@pytest.mark.usefixtures("low_limits")
def test_calls_in_progress_are_neither_counted_nor_pruned(simulation: Simulation) -> None:
    waiting = [simulation.validate(f"+1212555{number:04d}", call_delay_seconds=60).call_sid for number in range(5)]
    ended_calls(simulation, 5)

    prune(simulation.unit_of_work, ACCOUNT_SID)

    kept = {sid for (sid,) in query(simulation.database, SIDS)}
    assert len(kept) == 8
    assert kept.issuperset(waiting)


@pytest.mark.usefixtures("low_limits")
def test_call_with_a_pending_callback_is_not_pruned(outbox: Outbox) -> None:
    enqueued = outbox.enqueue("http://app.test/")
    outbox.simulation.clock.advance(1)
    ended_calls(outbox.simulation, 5)

    prune(outbox.simulation.unit_of_work, ACCOUNT_SID)

    [(callback, _)] = outbox.claim().callbacks
    assert callback.call_sid == enqueued


@pytest.mark.usefixtures("low_limits")
def test_age_of_calls_is_measured_by_the_system_clock(simulation: Simulation) -> None:
    future = from_datetime(datetime(2040, 1, 1, tzinfo=UTC))
    set_clock(
        simulation.unit_of_work,
        ACCOUNT_SID,
        mode=ClockMode.RUNNING,
        account_now=future,
        system_now=simulation.clock.now(),
    )
    older = ended_calls(simulation, 3)
    set_clock(
        simulation.unit_of_work, ACCOUNT_SID, mode=ClockMode.RUNNING, account_now=T0, system_now=simulation.clock.now()
    )
    newer = ended_calls(simulation, 2)

    prune(simulation.unit_of_work, ACCOUNT_SID)

    assert {sid for (sid,) in query(simulation.database, SIDS)} == {older[-1], *newer}


@pytest.mark.usefixtures("low_limits")
def test_old_calls_with_pending_callbacks_do_not_delay_pruning(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PRUNE_BATCH_CALLS", 2)
    enqueued = [outbox.enqueue("http://app.test/") for _ in range(3)]
    outbox.simulation.clock.advance(1)
    others = ended_calls(outbox.simulation, 5)

    prune(outbox.simulation.unit_of_work, ACCOUNT_SID)

    assert {sid for (sid,) in query(outbox.simulation.database, SIDS)} == {*enqueued, *others[2:]}


@pytest.mark.usefixtures("low_limits")
def test_calls_are_counted_per_account(simulation: Simulation) -> None:
    ensure_account(simulation.unit_of_work, OTHER_ACCOUNT, "token", T0)
    sids = ended_calls(simulation, 5)

    prune(simulation.unit_of_work, OTHER_ACCOUNT)

    assert len(query(simulation.database, SIDS)) == len(sids)


@pytest.mark.usefixtures("low_limits")
async def test_housekeeper_prunes_accounts_that_have_changed(
    simulation: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "PRUNE_BATCH_CALLS", 2)
    ended_calls(simulation, 9)
    keeping = asyncio.create_task(a_housekeeper(simulation, prune_seconds=0.001).run_pruning())

    await until(lambda: len(query(simulation.database, SIDS)) == 3)

    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)


@pytest.mark.usefixtures("low_limits")
async def test_account_that_cannot_be_pruned_does_not_delay_others_and_is_retried(
    simulation: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = {AccountSid("AC" + digit * 32) for digit in "3456789"}
    for account_sid in failing:
        simulation.database.process_state.change_notifier.mark_changed(account_sid)
    tried: list[AccountSid] = []

    def failing_for_some(unit_of_work: UnitOfWork, account_sid: AccountSid, **rest: Any) -> bool:
        tried.append(account_sid)
        if account_sid in failing:
            raise ZeroDivisionError
        return prune(unit_of_work, account_sid, **rest)

    monkeypatch.setattr(background, "prune", failing_for_some)
    ended_calls(simulation, 5)

    with capture_logs() as lines:
        await a_housekeeper(simulation).prune()

    assert len(query(simulation.database, SIDS)) == 3
    assert {line["account_sid"] for line in lines} == failing
    failing.clear()
    tried.clear()
    await a_housekeeper(simulation).prune()
    assert len(tried) == len(lines)


async def test_outage_during_pruning_is_logged_once_and_all_accounts_are_retried(
    simulation: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = {AccountSid("AC" + digit * 32) for digit in "3456789"}
    for account_sid in changed:
        simulation.database.process_state.change_notifier.mark_changed(account_sid)

    def failing(*_: object, **__: object) -> bool:
        raise DatabaseUnavailable("no answer")

    monkeypatch.setattr(background, "prune", failing)

    with capture_logs() as lines, pytest.raises(DatabaseUnavailable, match="no answer"):
        await a_housekeeper(simulation).prune()

    assert lines == []
    assert changed <= simulation.database.process_state.change_notifier.take_changed()


@pytest.mark.usefixtures("low_limits")
async def test_events_restored_by_a_snapshot_during_pruning_are_counted_again(
    simulation: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended_calls(simulation, 4)
    kept = query(simulation.database, EVENT_IDS)
    snapshot = read_snapshot(take_snapshot(simulation.unit_of_work))
    ended_calls(simulation, 8)

    def restored_before(unit_of_work: UnitOfWork, account_sid: AccountSid, **rest: Any) -> bool:
        restore_snapshot(unit_of_work, snapshot, system_now=simulation.clock.now())
        return prune(unit_of_work, account_sid, **rest)

    monkeypatch.setattr(background, "prune", restored_before)

    await a_housekeeper(simulation).prune()

    assert query(simulation.database, EVENT_IDS) == kept


@only(SQLITE)
async def test_maintenance_of_many_accounts_with_frozen_clocks_yields_to_requests(simulation: Simulation) -> None:
    make_frozen_accounts(simulation)
    housekeeper = a_housekeeper(simulation)

    for _ in range(RUNS):
        execute(simulation.database, "UPDATE validation_calls SET real_due_at = 0")
        with loop_watch.watched() as callbacks:
            await housekeeper.maintain_accounts()
        if not too_long(callbacks):
            break

    assert not too_long(callbacks)
    assert set(query(simulation.database, "SELECT real_due_at FROM validation_calls")) == {(None,)}


def make_frozen_accounts(simulation: Simulation) -> None:
    """Create accounts with a frozen clock and a call due by the system clock, as after an interrupted advance."""
    unit_of_work = simulation.unit_of_work
    with unit_of_work:
        for place in range(ACCOUNTS):
            sid = AccountSid(f"AC{place:032x}")
            ensure_account(unit_of_work, sid, "token", simulation.clock.now())
            set_clock(unit_of_work, sid, mode=ClockMode.FROZEN, account_now=None, system_now=simulation.clock.now())
            simulation.validate(account_sid=sid, call_delay_seconds=10)

"""Two applications on one PostgreSQL database behave like a single one, even under concurrent requests."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from itertools import cycle

import pytest
from sqlalchemy import text

from ringback.config.settings import Settings
from ringback.domain.account_clock import ClockMode
from ringback.domain.callbacks import CallbackAttempt, CallbackStatus, StatusCallback
from ringback.domain.calls import CallEvent, ValidationRequest
from ringback.domain.events import EventType
from ringback.domain.request_journal import AnsweredRequest
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import after
from ringback.operations.accounts import create_account, ensure_account, lock_account_time, reset_account
from ringback.operations.callbacks import (
    LEASE_SECONDS,
    LOCKED_RETRY_SECONDS,
    claim_due_callbacks,
    record_attempt,
    renew_leases,
)
from ringback.operations.calls import advance_due_calls, end_call
from ringback.operations.clocks import set_clock
from ringback.operations.events import fetch_events
from ringback.operations.id_generator import IdGenerator
from ringback.operations.requests import newest_requests, used_permissions, write_requests
from ringback.operations.validation_requests import create_validation_request
from ringback.simulator.background import Housekeeper
from ringback.startup import InitialState
from ringback.storage.database import Database
from ringback.storage.statements import Statement
from ringback.storage.unit_of_work import UnitOfWork
from support.clocks import FakeClock
from support.databases.templates import POSTGRESQL, only
from support.domain_values import ACCOUNT_SID, AUTH_TOKEN, NUMBER, POLICY, T0
from support.in_process.control import ControlledAccount
from support.in_process.outbox import PARAMETERS
from support.in_process.races import held_callback, key, once_released, ringing
from support.in_process.replicas import Replicas
from support.in_process.simulation import execute, query
from support.polling import until
from support.receivers.receiver import CallbackReceiver
from support.waiting import OBSERVATION_SECONDS, PATIENCE_SECONDS, eventually

pytestmark = [pytest.mark.anyio, only(POSTGRESQL)]

AT_ONCE = 12
WAITING_FOR_A_LOCK = Statement(text("SELECT pid FROM pg_locks WHERE NOT granted"))


@pytest.fixture
def pair(databases: list[Database]) -> Iterator[list[Database]]:
    """Yield two open instances of one database with the default account."""
    ensure_account(databases[0].unit_of_work, ACCOUNT_SID, AUTH_TOKEN, T0)
    yield databases
    for database in databases:
        database.close()


@pytest.fixture
async def account(replicas: Replicas) -> ControlledAccount:
    return await replicas.one.account()


def ask(unit_of_work: UnitOfWork, number: str = NUMBER, callback: str | None = None) -> str:
    request = ValidationRequest(number, status_callback=callback)
    id_generator = IdGenerator()
    answer = create_validation_request(
        unit_of_work, ACCOUNT_SID, lambda _: request, system_now=T0, policy=POLICY, id_generator=id_generator
    )
    return answer.call_sid


def enqueue_callback(database: Database, sid: str, clock: FakeClock) -> None:
    """End a call, so that its callback is pending."""
    execute(
        database,
        "INSERT INTO status_callbacks(call_sid, account_sid, url, method, parameters, receiver, idempotency_token,"
        " status, attempts, due_at, date_created)"
        " SELECT sid, account_sid, status_callback, 'POST', :parameters, 'app.test:80', sid, 'pending', 0, :now, :now"
        " FROM validation_calls WHERE sid = :sid",
        sid=sid,
        now=clock.now(),
        parameters=PARAMETERS,
    )


def cancel(unit_of_work: UnitOfWork, sid: str) -> None:
    end_call(
        unit_of_work,
        ACCOUNT_SID,
        sid,
        CallEvent.CANCEL,
        system_now=T0,
        policy=POLICY,
        id_generator=IdGenerator(),
    )


def move(unit_of_work: UnitOfWork, clock: FakeClock) -> list[str]:
    moved = advance_due_calls(unit_of_work, system_now=clock.now(), policy=POLICY, id_generator=IdGenerator())
    return [call.sid for call in moved]


async def test_concurrent_requests_for_a_number_leave_only_one_call(pair: list[Database]) -> None:
    asked = zip(cycle(pair), range(AT_ONCE), strict=False)

    sids = await asyncio.gather(*(database.run(ask) for database, _ in asked))

    assert len(set(sids)) == AT_ONCE
    assert query(pair[0], "SELECT count(*) FROM validation_calls WHERE ended_at IS NULL") == [(1,)]
    assert query(pair[0], "SELECT count(*) FROM validation_calls WHERE real_due_at IS NOT NULL") == [(1,)]


async def test_due_call_is_advanced_by_only_one_process(pair: list[Database]) -> None:
    clock = FakeClock()
    for number in range(40):
        await pair[0].run(ask, f"+1415867{number:04d}")

    rounds = [await asyncio.gather(*(pair[turn % 2].run(move, clock) for turn in range(AT_ONCE))) for _ in range(3)]

    moved = Counter(sid for turns in rounds for sids in turns for sid in sids)
    assert len(moved) == 40
    assert set(moved.values()) == {1}


async def test_call_ended_by_a_client_while_another_process_advances_it_ends_once(pair: list[Database]) -> None:
    clock = FakeClock()
    sids = [await pair[0].run(ask, f"+1415867{number:04d}") for number in range(20)]

    await asyncio.gather(
        *(pair[turn % 2].run(move, clock) for turn in range(AT_ONCE)),
        *(pair[place % 2].run(cancel, sid) for place, sid in enumerate(sids)),
    )

    calls = [await pair[0].run(lambda unit_of_work, sid: unit_of_work.calls.find(sid), sid) for sid in sids]
    timelines = {tuple(entry.event for entry in call.timeline) for call in calls if call}
    assert timelines <= {("queued", "cancel", "ended"), ("queued", "dial", "cancel", "ended")}
    assert query(pair[0], "SELECT DISTINCT state, due_at, real_due_at FROM validation_calls") == [
        ("canceled", None, None)
    ]


async def test_claim_skips_an_account_locked_by_another_process(pair: list[Database]) -> None:
    held, release = threading.Event(), threading.Event()
    sid = await pair[0].run(ask)

    def hold(unit_of_work: UnitOfWork) -> None:
        with unit_of_work:
            unit_of_work.accounts.lock_exclusive(ACCOUNT_SID)
            held.set()
            release.wait(PATIENCE_SECONDS)

    holding = asyncio.create_task(pair[0].run(hold))
    await until(held.is_set)
    meanwhile = await pair[1].run(move, FakeClock())
    release.set()
    await holding

    assert meanwhile == []
    assert await pair[1].run(move, FakeClock()) == [sid]


async def test_clock_change_waits_for_requests_of_its_account(pair: list[Database]) -> None:
    held, release = threading.Event(), threading.Event()

    def ask_slowly(unit_of_work: UnitOfWork) -> None:
        with unit_of_work:
            lock_account_time(unit_of_work, ACCOUNT_SID, T0)
            held.set()
            release.wait(PATIENCE_SECONDS)
            ask(unit_of_work)

    asking = asyncio.create_task(pair[0].run(ask_slowly))
    await until(held.is_set)
    execute(pair[0], "UPDATE accounts SET clock_offset = 0")  # succeeds without waiting, because it changes no key
    freezing = asyncio.create_task(
        pair[1].run(set_clock, ACCOUNT_SID, mode=ClockMode.FROZEN, account_now=None, system_now=FakeClock().now())
    )
    done, _ = await asyncio.wait({freezing}, timeout=OBSERVATION_SECONDS)
    release.set()
    await asking
    await freezing

    assert done == set()
    assert query(pair[0], "SELECT real_due_at FROM validation_calls") == [(FakeClock().now(),)]


async def test_event_ids_are_in_the_order_of_commits(pair: list[Database]) -> None:
    wanted = 150
    seen: list[int] = []
    writing = [
        asyncio.create_task(database.run(ask, f"+1415867{number:04d}"))
        for database, number in zip(cycle(pair), range(wanted), strict=False)
    ]

    while len(seen) < wanted:
        all_are_in = all(task.done() for task in writing)
        last = seen[-1] if seen else 0
        look = await pair[1].run(fetch_events, ACCOUNT_SID, after_id=last, limit=1000, kind=EventType.CALL_QUEUED)
        assert look is not None
        seen += [event.id for event in look.events]
        if all_are_in and not look.events:
            break
    await asyncio.gather(*writing)

    assert len(seen) == wanted
    assert seen == sorted(seen)


async def test_expired_lease_is_claimed_by_another_process(pair: list[Database]) -> None:
    clock = FakeClock()
    sid = await pair[0].run(ask, callback="http://app.test/")
    enqueue_callback(pair[0], sid, clock)

    def claimed(unit_of_work: UnitOfWork) -> list[str]:
        claim = claim_due_callbacks(
            unit_of_work, now=clock.now(), in_progress={}, random_fraction=IdGenerator().random_fraction
        )
        return [callback.call_sid for callback, _ in claim.callbacks]

    first = await pair[0].run(claimed)
    clock.advance(LEASE_SECONDS - 1)
    await pair[0].run(renew_leases, [sid], now=clock.now())
    clock.advance(LEASE_SECONDS - 1)
    kept = await pair[1].run(claimed)
    clock.advance(2)
    taken_over = await pair[1].run(claimed)

    assert (first, kept, taken_over) == ([sid], [], [sid])


async def test_callback_locked_by_another_process_is_polled_again_soon(pair: list[Database]) -> None:
    held, release = threading.Event(), threading.Event()
    enqueue_callback(pair[0], await pair[0].run(ask, callback="http://app.test/"), FakeClock())

    def hold(unit_of_work: UnitOfWork) -> None:
        with unit_of_work:
            unit_of_work.accounts.lock_exclusive(ACCOUNT_SID)
            held.set()
            release.wait(PATIENCE_SECONDS)

    holding = asyncio.create_task(pair[0].run(hold))
    await until(held.is_set)
    claim = await pair[1].run(
        claim_due_callbacks, now=FakeClock().now(), in_progress={}, random_fraction=IdGenerator().random_fraction
    )
    release.set()
    await holding

    assert claim.callbacks == []
    assert claim.next_due == after(FakeClock().now(), LOCKED_RETRY_SECONDS)


async def test_concurrent_servers_create_the_initial_data_once(pair: list[Database]) -> None:
    sid = AccountSid("AC" + "5" * 32)

    made = await asyncio.gather(*(pair[turn % 2].run(ensure_account_at_the_start, sid) for turn in range(AT_ONCE)))

    assert set(made) == {sid}


async def test_server_can_start_during_a_global_reset_by_another(pair: list[Database]) -> None:
    initial_state = InitialState(Settings(database_url="sqlite://"), IdGenerator())

    await asyncio.gather(
        *(
            pair[turn % 2].run(initial_state.reset if turn % 3 else initial_state.seed, FakeClock().now())
            for turn in range(AT_ONCE)
        )
    )

    assert query(pair[0], "SELECT count(*) FROM accounts") == [(1,)]


def ensure_account_at_the_start(unit_of_work: UnitOfWork, sid: AccountSid) -> str:
    with unit_of_work:
        unit_of_work.locks.startup()
        return ensure_account(unit_of_work, sid, "token", T0).sid


async def test_delivery_settled_by_another_process_is_not_settled_again(pair: list[Database]) -> None:
    clock = FakeClock()
    enqueue_callback(pair[0], await pair[0].run(ask, callback="http://app.test/"), clock)

    def claimed(unit_of_work: UnitOfWork) -> StatusCallback:
        claim = claim_due_callbacks(
            unit_of_work, now=clock.now(), in_progress={}, random_fraction=IdGenerator().random_fraction
        )
        [(callback, _)] = claim.callbacks
        return callback

    lost = await pair[0].run(claimed)
    clock.advance(LEASE_SECONDS + 1)
    taken_over = await pair[1].run(claimed)
    attempt = CallbackAttempt(1, clock.now(), "POST", "http://app.test/", (), 200, "", 1.0, None)
    settled = await pair[1].run(record_attempt, taken_over, attempt, CallbackStatus.DELIVERED, now=clock.now())
    again = [
        await pair[0].run(record_attempt, lost, attempt, status, now=clock.now())
        for status in (CallbackStatus.FAILED, CallbackStatus.PENDING)
    ]

    assert (settled, again) == (True, [False, False])
    assert query(pair[0], "SELECT status, due_at FROM status_callbacks") == [("delivered", None)]


async def test_accounts_created_concurrently_with_the_same_random_seed_have_different_sids(
    pair: list[Database],
) -> None:
    def make(unit_of_work: UnitOfWork) -> str:
        return create_account(
            unit_of_work,
            friendly_name=None,
            owner_email=None,
            parent_sid=None,
            system_now=T0,
            id_generator=IdGenerator(7),
        ).sid

    made = await asyncio.gather(*(pair[turn % 2].run(make) for turn in range(AT_ONCE)))

    assert len(set(made)) == AT_ONCE


async def test_waiting_client_immediately_gets_an_event_from_another_process(
    replicas: Replicas, account: ControlledAccount
) -> None:
    waiting = asyncio.create_task(account.events(type="call.ended", wait_seconds=300))
    remote_account = replicas.at_other_replica(account)
    await remote_account.control("PUT", "/phones/default", {"behavior": "busy"})

    asked = await remote_account.validate()
    [event] = await asyncio.wait_for(waiting, PATIENCE_SECONDS)

    assert event["call_sid"] == asked["call_sid"]


async def test_ringing_phone_is_answered_through_another_replica(
    replicas: Replicas, account: ControlledAccount
) -> None:
    answer = await ringing(account)
    remote_account = replicas.at_other_replica(account)

    await remote_account.control("POST", f"/calls/{answer['call_sid']}/answer")
    status = await key(remote_account, answer)

    assert status == 200
    assert (await account.call(answer["call_sid"]))["verification_status"] == "success"


async def test_advance_waits_for_callbacks_sent_by_another_replica(
    replicas: Replicas, account: ControlledAccount, receiver: CallbackReceiver
) -> None:
    remote_account = replicas.at_other_replica(account)
    await remote_account.control("PUT", "/clock", {"mode": "frozen"})
    for number in range(10):
        await (account, remote_account)[number % 2].validate(
            f"+1415867530{number}", CallDelay=number, StatusCallback=receiver.url
        )

    clock = await account.advance(60)

    assert len(receiver.received) == 10
    assert (await remote_account.control("GET", "/clock")).json() == clock


async def test_clock_set_by_another_replica_ends_an_advance(replicas: Replicas, account: ControlledAccount) -> None:
    release = threading.Event()
    with CallbackReceiver(once_released(release)) as receiver:
        await account.control("PUT", "/clock", {"mode": "frozen"})
        await account.control("PUT", "/phones/default", {"behavior": "busy"})
        await account.validate(StatusCallback=receiver.url)
        advancing = asyncio.create_task(account.control("POST", "/clock/advance", {"seconds": 3_600}))
        await until(lambda: receiver.received)

        await replicas.at_other_replica(account).control("PUT", "/clock", {"mode": "running"})
        release.set()
        ended = await asyncio.wait_for(advancing, PATIENCE_SECONDS)

    assert ended.status_code == 409


async def test_clock_set_by_another_replica_can_be_advanced_immediately(
    replicas: Replicas, account: ControlledAccount
) -> None:
    remote_account = replicas.at_other_replica(account)

    for turn in range(20):
        await remote_account.control("PUT", "/clock", {"mode": ("frozen", "running")[turn % 2]})
        await account.advance(turn)


async def test_interrupted_advance_is_repaired_by_housekeeping(pair: list[Database]) -> None:
    clock = FakeClock()
    sid = await pair[0].run(ask)
    await pair[0].run(set_clock, ACCOUNT_SID, mode=ClockMode.FROZEN, account_now=None, system_now=clock.now())
    execute(pair[0], "UPDATE accounts SET clock_frozen_at = clock_frozen_at + 5000000")
    execute(pair[0], "UPDATE validation_calls SET real_due_at = NULL, due_at = due_at + 1000000")
    left_behind = await pair[1].run(move, clock)

    await Housekeeper(pair[1], clock.now, pair[1].process_state.change_notifier).maintain_accounts()

    assert left_behind == []
    assert await pair[1].run(move, clock) == [sid]


async def test_callback_in_delivery_is_not_sent_by_another_replica(
    replicas: Replicas, account: ControlledAccount
) -> None:
    release = threading.Event()
    with CallbackReceiver(once_released(release)) as receiver:
        sid = await held_callback(account, release, receiver)
        remote_account = replicas.at_other_replica(account)
        again = await remote_account.control("POST", f"/calls/{sid}/callbacks/redeliver")
        release.set()
        await remote_account.events(type="callback.delivered", wait_seconds=PATIENCE_SECONDS)

        assert again.status_code == 409
        assert len(receiver.received) == 1


async def test_fault_with_a_count_is_triggered_once_across_replicas(
    replicas: Replicas, account: ControlledAccount
) -> None:
    await account.control("POST", "/faults", {"operation": "*", "effect": {"status": 503}, "times": 3})
    remote_account = replicas.at_other_replica(account)

    answers = await asyncio.gather(
        *((account, remote_account)[turn % 2].twilio("GET", "/OutgoingCallerIds.json") for turn in range(AT_ONCE))
    )

    assert sorted(answer.status_code for answer in answers) == [200] * (AT_ONCE - 3) + [503] * 3


async def test_requests_to_one_replica_are_promptly_listed_by_another(
    replicas: Replicas, account: ControlledAccount
) -> None:
    await account.twilio("GET", "/Nowhere")
    remote_account = replicas.at_other_replica(account)
    shown: list[str] = []

    async with asyncio.timeout(PATIENCE_SECONDS):
        while not shown:
            shown = [one["path"] for one in (await remote_account.control("GET", "/requests")).json()["requests"]]

    assert shown == [f"/2010-04-01/Accounts/{account.sid}/Nowhere"]


async def test_permissions_used_on_one_replica_are_listed_by_another(
    replicas: Replicas, account: ControlledAccount
) -> None:
    remote_account = replicas.at_other_replica(account)
    await asyncio.gather(account.twilio("GET", "/Calls.json"), remote_account.twilio("GET", "/Calls.json"))
    await account.twilio("GET", "/OutgoingCallerIds.json")
    listed: list[str] = []

    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(listed) < 2:
            listed = (await remote_account.control("GET", "/permissions-used")).json()["permissions"]

    assert listed == ["twilio/voice/calls/list", "twilio/voice/outgoing-caller-ids/list"]


async def test_event_ids_are_not_reused_after_another_replica_restores_a_snapshot(
    replicas: Replicas, account: ControlledAccount
) -> None:
    await ringing(account)
    before = await account.events()
    snapshot = (await replicas.one.ask("GET", "/snapshot")).json()

    restored = await replicas.other.ask("PUT", "/snapshot", snapshot)
    later = await ringing(account, "+14158675301")
    events = await account.events()

    assert restored.status_code == 204
    assert events[: len(before)] == before
    assert events[-1]["call_sid"] == later["call_sid"]
    assert min(event["id"] for event in events[len(before) :]) > before[-1]["id"]


async def test_reset_discards_a_request_that_is_being_written(pair: list[Database]) -> None:
    database, loop = pair[0], asyncio.get_running_loop()
    request = AnsweredRequest(ACCOUNT_SID, T0, "RQ1", "GET", "/", None, None, {}, 200, None, 1.0)
    database.process_state.journal.add(request)

    def reset_while_writing(unit_of_work: UnitOfWork) -> Future[bool]:
        with unit_of_work:
            unit_of_work.accounts.lock_exclusive(ACCOUNT_SID)
            writing = asyncio.run_coroutine_threadsafe(database.run(write_requests, limit=10), loop)
            eventually(lambda: bool(unit_of_work.all(WAITING_FOR_A_LOCK)), what="the writer waits for a lock")
            reset_account(unit_of_work, ACCOUNT_SID)
        return writing

    writing = await database.run(reset_while_writing)
    await asyncio.wrap_future(writing)

    assert await database.run(newest_requests, ACCOUNT_SID, limit=10) == []
    assert not database.process_state.journal


async def test_failed_reset_keeps_requests_that_are_not_stored_yet(pair: list[Database]) -> None:
    database = pair[0]
    request = AnsweredRequest(ACCOUNT_SID, T0, "RQ1", "GET", "/", "list-calls", None, {}, 200, None, 1.0)
    database.process_state.journal.add(request)

    def fail_after_reset(unit_of_work: UnitOfWork) -> None:
        with unit_of_work:
            reset_account(unit_of_work, ACCOUNT_SID)
            raise InterruptedError

    with pytest.raises(InterruptedError):
        await database.run(fail_after_reset)
    await database.run(write_requests, limit=10)

    [stored] = await database.run(newest_requests, ACCOUNT_SID, limit=10)
    assert stored.answered.request_sid == "RQ1"
    assert await database.run(used_permissions, ACCOUNT_SID) == ["twilio/voice/calls/list"]


async def test_access_token_issued_by_one_replica_is_valid_on_the_other(
    replicas: Replicas, account: ControlledAccount
) -> None:
    scopes = ["twilio/voice/outgoing-caller-ids/list"]
    app = (await account.control("POST", "/oauth-apps", {"scopes": scopes})).json()
    form = {name: app[name] for name in ("client_id", "client_secret")} | {"grant_type": "client_credentials"}

    token = (await replicas.one.http.post("/v2/token", data=form)).json()["access_token"]
    path, bearer = f"/2010-04-01/Accounts/{account.sid}/OutgoingCallerIds.json", {"Authorization": f"Bearer {token}"}
    before = await replicas.other.http.get(path, headers=bearer)
    await replicas.at_other_replica(account).control("DELETE", f"/oauth-apps/{app['client_id']}")
    after_deletion = await replicas.one.http.get(path, headers=bearer)

    assert (before.status_code, after_deletion.status_code) == (200, 401)

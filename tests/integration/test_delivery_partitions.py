"""Delivery partitions: no account and no receiver delays the callbacks of another account."""

import threading
from collections import Counter

import pytest

from ringback.domain.callbacks import DeliveryPartition
from ringback.domain.sids import AccountSid
from ringback.operations.accounts import ensure_account
from ringback.operations.callbacks import Claim
from ringback.operations.delivery_slots import MAX_DELIVERIES, MAX_PARTITION_DELIVERIES
from ringback.storage.callback_repository import MAX_ACCOUNT_PARTITIONS
from support.databases.templates import SQLITE, only
from support.domain_values import ACCOUNT_SID, T0
from support.in_process.outbox import PARAMETERS, Outbox
from support.in_process.simulation import driver_connection, execute
from support.polling import until
from support.receivers.receiver import Answer, CallbackReceiver, Received
from support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

OTHER_ACCOUNTS = [AccountSid("AC" + str(number) * 32) for number in range(1, 10)]
OTHER_ACCOUNT = OTHER_ACCOUNTS[0]
BUSY = DeliveryPartition(ACCOUNT_SID, "busy.test:80")


@pytest.fixture(autouse=True)
def other_accounts(outbox: Outbox) -> None:
    for account_sid in OTHER_ACCOUNTS:
        ensure_account(outbox.simulation.unit_of_work, account_sid, "token", T0)


def sids(claim: Claim) -> list[str]:
    return [callback.call_sid for callback, _ in claim.callbacks]


def partitions(claim: Claim) -> Counter[DeliveryPartition]:
    return Counter(partition for _, partition in claim.callbacks)


def enqueue_many(outbox: Outbox, account_sid: AccountSid, callbacks: int, receivers: int) -> None:
    """Enqueue overdue callbacks of an account, spread over a number of receivers."""
    database = outbox.simulation.database
    execute(
        database,
        "INSERT INTO validation_calls(sid, account_sid, phone_number, validation_code, call_delay_seconds,"
        "  status_callback_method, state, attempts_allowed, attempts_left, keys, date_created, ended_at, timeline)"
        " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :callbacks)"
        " SELECT substr(:sid, 1, 20) || i, :sid, '', '', i, 'POST', 'busy', 3, 3, '', 0, 0, '[]' FROM n",
        callbacks=callbacks,
        sid=account_sid,
    )
    execute(
        database,
        "INSERT INTO status_callbacks(call_sid, account_sid, url, method, parameters, receiver, idempotency_token,"
        "  status, attempts, due_at, date_created)"
        " SELECT sid, account_sid, 'http://busy.test/', 'POST', :parameters,"
        "  'busy.test:' || (call_delay_seconds % :receivers + 80), sid,"
        "  'pending', 0, 1, 1"
        " FROM validation_calls WHERE account_sid = :sid",
        receivers=receivers,
        sid=account_sid,
        parameters=PARAMETERS,
    )


def test_longest_overdue_callback_is_claimed_first_and_full_partitions_are_skipped(outbox: Outbox) -> None:
    first = outbox.enqueue("http://app.test/")
    outbox.simulation.clock.advance(1)
    busy = outbox.enqueue("http://busy.test/")
    outbox.simulation.clock.advance(1)
    others = outbox.enqueue("http://busy.test/", account_sid=OTHER_ACCOUNT)
    outbox.simulation.clock.advance(1)
    last = outbox.enqueue("http://app.test:81/")

    claimed = outbox.claim({BUSY: MAX_PARTITION_DELIVERIES})

    assert [(callback.call_sid, partition) for callback, partition in claimed.callbacks] == [
        (first, DeliveryPartition(ACCOUNT_SID, "app.test:80")),
        (others, DeliveryPartition(OTHER_ACCOUNT, "busy.test:80")),
        (last, DeliveryPartition(ACCOUNT_SID, "app.test:81")),
    ]
    assert sids(outbox.claim()) == [busy]


def test_account_with_many_receivers_leaves_slots_for_others(outbox: Outbox) -> None:
    enqueue_many(outbox, ACCOUNT_SID, 16 * MAX_PARTITION_DELIVERIES, receivers=16)
    in_progress = partitions(outbox.claim())
    later = outbox.enqueue("http://app.test/", account_sid=OTHER_ACCOUNT)

    claimed = outbox.claim(in_progress)

    assert in_progress.total() == MAX_DELIVERIES // 4
    assert max(in_progress.values()) == MAX_PARTITION_DELIVERIES
    assert sids(claimed) == [later]


def test_free_delivery_slot_remains_for_the_next_account(outbox: Outbox) -> None:
    in_progress: Counter[DeliveryPartition] = Counter()
    for account_sid in [ACCOUNT_SID, *OTHER_ACCOUNTS[:-1]]:
        enqueue_many(outbox, account_sid, MAX_DELIVERIES, receivers=16)
        in_progress += partitions(outbox.claim(in_progress))
    last = outbox.enqueue("http://app.test/", account_sid=OTHER_ACCOUNTS[-1])

    assert sids(outbox.claim(in_progress)) == [last]


def test_callbacks_are_not_leased_without_a_free_slot(outbox: Outbox) -> None:
    sid = outbox.enqueue("http://app.test/")
    in_progress = {DeliveryPartition(OTHER_ACCOUNT, "busy.test:80"): 1}

    full = outbox.claim(in_progress, slots=1)

    assert (full.callbacks, full.next_due) == ([], None)
    assert sids(outbox.claim(in_progress, slots=2)) == [sid]


def test_many_partitions_of_one_account_do_not_displace_those_of_others(outbox: Outbox) -> None:
    enqueue_many(outbox, ACCOUNT_SID, 1500, receivers=1500)
    behind = outbox.enqueue("http://app.test/", account_sid=OTHER_ACCOUNT)

    seen = outbox.simulation.unit_of_work.callbacks.partitions()

    assert len(seen) == MAX_ACCOUNT_PARTITIONS + 1
    assert behind in sids(outbox.claim())


@only(SQLITE)
def test_backlog_of_one_partition_is_not_scanned_for_the_others(outbox: Outbox) -> None:
    other = outbox.enqueue("http://app.test/")
    enqueue_many(outbox, OTHER_ACCOUNT, 5000, receivers=1)
    steps: list[int] = []
    driver = driver_connection(outbox.simulation.database)

    first = outbox.claim()
    driver.set_progress_handler(lambda: steps.append(1), 1000)
    later = outbox.claim(partitions(first))
    driver.set_progress_handler(None, 0)

    assert len(first.callbacks) == MAX_PARTITION_DELIVERIES + 1
    assert other in sids(first)
    assert later.callbacks == []
    assert len(steps) <= 1


async def test_account_whose_receivers_hang_does_not_delay_others(outbox: Outbox, receiver: CallbackReceiver) -> None:
    released = threading.Event()

    def answer(_: Received) -> Answer:
        released.wait(PATIENCE_SECONDS)
        return Answer()

    with CallbackReceiver(answer) as hanging:
        stuck = [outbox.enqueue(hanging.url) for _ in range(4)]
        async with outbox.sending(outbox.a_sender(max_deliveries=8)) as sender:
            await until(lambda: len(hanging.received) == 2)
            quick = outbox.enqueue(receiver.url, account_sid=OTHER_ACCOUNT)
            sender.wake()
            await until(lambda: outbox.is_settled(quick))
            settled = [sid for sid in stuck if outbox.is_settled(sid)]
            released.set()

    assert settled == []
    assert len(hanging.received) == 2

"""``kill -9`` at any moment of a call: after a restart on the same file everything ends as if nothing had been."""

import os
import random
import secrets
import threading
from pathlib import Path
from typing import Any

import pytest

from support.extent import WHOLE
from support.receiver import Answer, CallbackReceiver, Received
from support.seeds import number_at
from support.server import ServerProcess, caller_ids_path
from support.state import stored_calls, unsettled
from support.waiting import eventually

KILLS = 20 if WHOLE else 6
SHARES = 2
CALLS_A_KILL = 5
PHONES = {"ring_seconds": 0.15, "key_seconds": 0.15}
LATEST_MOMENT_SECONDS = 0.6
RECEIVING_SECONDS = 0.05
"""How long the receiver takes to answer, so that some kills meet a callback in flight."""
SEED_VARIABLE = "RINGBACK_TEST_CRASH_SEED"
LIFE = ["queued", "dial", "answer", "digits", "ended"]


def slowly(_: Received) -> Answer:
    # A bounded wait is the point here: the receiver is one that takes a moment.
    threading.Event().wait(RECEIVING_SECONDS)
    return Answer()


def is_whole(received: Received) -> bool:
    """Tell whether a request arrived to its end; no receiver takes one that a kill cut short for a callback."""
    return len(received.body) == int(received.headers["Content-Length"])


def ask_for_calls(server: ServerProcess, receiver: CallbackReceiver, numbers: list[str]) -> dict[str, str]:
    """Ask for each number to be verified, and return the numbers by the SIDs of their calls."""
    calls = {}
    with server.client() as client:
        for number in numbers:
            form = {"PhoneNumber": number, "StatusCallback": f"{receiver.url}/{number}"}
            answer = client.post(f"{caller_ids_path()}.json", data=form)
            assert answer.status_code == 200
            calls[answer.json()["call_sid"]] = number
    return calls


@pytest.mark.parametrize("share", range(SHARES))
def test_killed_at_a_random_moment_no_call_is_lost_doubled_or_stuck(tmp_path: Path, share: int) -> None:
    seed = os.environ.get(SEED_VARIABLE) or str(secrets.randbits(32))
    print(f"these moments again: {SEED_VARIABLE}={seed}")  # noqa: T201
    moments = random.Random(f"{seed} {share}")  # noqa: S311
    database = tmp_path / "crash.db"
    settings: dict[str, Any] = PHONES | {"database_url": f"sqlite:///{database}"}

    calls: dict[str, str] = {}
    with CallbackReceiver(slowly) as receiver:
        for kill in range(KILLS // SHARES):
            numbers = [number_at(kill * CALLS_A_KILL + position) for position in range(CALLS_A_KILL)]
            with ServerProcess(covered=False, **settings) as server:
                calls |= ask_for_calls(server, receiver, numbers)
                # The one place where time itself is waited for: the moment of the crash is what is drawn.
                threading.Event().wait(moments.uniform(0, LATEST_MOMENT_SECONDS))
                server.kill()
        with ServerProcess(covered=False, **settings) as server, server.client() as client:
            eventually(lambda: not unsettled(database), what="every call ended, every callback delivered")
            listed = client.get(f"{caller_ids_path()}.json", params={"PageSize": 1000}).json()
        arrived = [received for received in receiver.received if is_whole(received)]

    by_number = {entry["phone_number"]: entry["sid"] for entry in listed["outgoing_caller_ids"]}
    stored = stored_calls(database)
    assert len(listed["outgoing_caller_ids"]) == len(calls)
    assert set(by_number) == set(calls.values())
    assert set(stored) == set(calls)
    for sid, number in calls.items():
        deliveries = [received for received in arrived if received.form["CallSid"] == sid]
        assert deliveries, f"no callback for {number}"
        assert {delivery.headers["I-Twilio-Idempotency-Token"] for delivery in deliveries} == {
            stored[sid].idempotency_token
        }
        assert len({delivery.body for delivery in deliveries}) == 1
        outcome = deliveries[0].form
        assert (outcome["CallStatus"], outcome["VerificationStatus"]) == ("completed", "success")
        assert outcome["OutgoingCallerIdSid"] == by_number[number] == stored[sid].outgoing_caller_id_sid
        assert stored[sid].events == LIFE
        assert stored[sid].callback_status == "delivered"
    assert unsettled(database) == []

"""Calls in a state in which a concurrent request can interfere."""

import threading
from collections.abc import Callable
from typing import Any

from support.domain_values import NUMBER
from support.in_process.control import ControlledAccount
from support.polling import until
from support.receivers.receiver import Answer, CallbackReceiver, Received
from support.waiting import PATIENCE_SECONDS


async def caller_ids(account: ControlledAccount) -> list[str]:
    listed = (await account.twilio("GET", "/OutgoingCallerIds.json")).json()["outgoing_caller_ids"]
    return [caller_id["sid"] for caller_id in listed]


async def ringing(account: ControlledAccount, number: str = NUMBER, **parameters: Any) -> dict[str, Any]:
    """Send a validation request for a manual phone, and return the response when the phone rings."""
    await account.control("PUT", "/phones/default", {"behavior": "manual"})
    answer = await account.validate(number, **parameters)
    assert await account.events(type="call.ringing", call_sid=answer["call_sid"], wait_seconds=PATIENCE_SECONDS)
    return answer


async def at_the_prompt(account: ControlledAccount, **parameters: Any) -> dict[str, Any]:
    answer = await ringing(account, **parameters)
    await account.control("POST", f"/calls/{answer['call_sid']}/answer")
    return answer


async def key(account: ControlledAccount, answer: dict[str, Any]) -> int:
    """Enter the correct code, and return the status of the response."""
    keyed = await account.control("POST", f"/calls/{answer['call_sid']}/digits", {"digits": answer["validation_code"]})
    return keyed.status_code


def once_released(release: threading.Event) -> Callable[[Received], Answer]:
    """Return the behavior of a receiver that waits for `release`, then answers 200."""

    def answer(_: Received) -> Answer:
        release.wait(PATIENCE_SECONDS)
        return Answer()

    return answer


async def held_callback(account: ControlledAccount, release: threading.Event, receiver: CallbackReceiver) -> str:
    """End a call whose callback is answered only after `release`. Return its SID when the callback has arrived."""
    answer = await at_the_prompt(account, StatusCallback=receiver.url)
    await key(account, answer)
    await until(lambda: receiver.received)
    assert not release.is_set()
    sid: str = answer["call_sid"]
    return sid

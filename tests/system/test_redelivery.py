"""Redelivery of StatusCallbacks through the control API of a running server."""

import httpx
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from support.receivers.receiver import CallbackReceiver
from support.servers.server import ServerProcess
from support.waiting import PATIENCE_SECONDS

HANGS_UP = "+15005550013"


def test_redelivery_repeats_the_request_with_a_valid_signature(
    quick_server: ServerProcess, receiver: CallbackReceiver
) -> None:
    with httpx.Client(base_url=quick_server.base_url, timeout=PATIENCE_SECONDS, trust_env=False) as client:
        account = client.post("/_ringback/accounts").json()
        control = f"/_ringback/accounts/{account['sid']}"
        sid = client.post(
            f"/2010-04-01/Accounts/{account['sid']}/OutgoingCallerIds.json",
            data={"PhoneNumber": HANGS_UP, "StatusCallback": f"{receiver.url}/done?tenant=a%20b"},
            auth=(account["sid"], account["auth_token"]),
        ).json()["call_sid"]
        waited_for = {"type": "callback.delivered", "call_sid": sid}
        [event] = client.get(f"{control}/events", params=waited_for).json()["events"]

        accepted = client.post(f"{control}/calls/{sid}/callbacks/redeliver")
        [_] = client.get(f"{control}/events", params={**waited_for, "after": event["id"]}).json()["events"]
        journal = client.get(f"{control}/calls/{sid}/callbacks").json()

    first, second = receiver.wait_for(2)
    validator = RequestValidator(account["auth_token"])
    token = second.headers["I-Twilio-Idempotency-Token"]
    assert accepted.status_code == 202
    assert (second.method, second.target, second.body) == (first.method, first.target, first.body)
    assert token == first.headers["I-Twilio-Idempotency-Token"] == journal["idempotency_token"]
    assert validator.validate(receiver.url + second.target, second.form, second.headers["X-Twilio-Signature"])
    assert [attempt["parameters"] for attempt in journal["callbacks"]] == [first.form, second.form]
    assert (journal["status"], [attempt["number"] for attempt in journal["callbacks"]]) == ("delivered", [1, 2])

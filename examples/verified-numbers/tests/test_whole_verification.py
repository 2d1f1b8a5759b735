"""A verification with the account of the environment: a phone is called, and somebody keys the code in.

The StatusCallback must be able to reach this machine.
"""

import os
import time

import httpx
import pytest

pytestmark = pytest.mark.skipif(
    "TWILIO_ACCOUNT_SID" not in os.environ, reason="calls a phone: wants an account in TWILIO_ACCOUNT_SID"
)

NUMBER = "+14158675309"
SECONDS_TO_ANSWER = 60.0


def outcome_of(service: httpx.Client, verification_id: str) -> str:
    """Return the outcome of a verification, after waiting for it."""
    deadline = time.monotonic() + SECONDS_TO_ANSWER
    while time.monotonic() < deadline:
        outcome: str = service.get(f"/verifications/{verification_id}").raise_for_status().json()["outcome"]
        if outcome != "calling":
            return outcome
        time.sleep(0.05)
    return "nobody has answered"


def test_a_number_is_verified_and_can_be_taken_away(service: httpx.Client) -> None:
    begun = service.post("/verifications", json={"user": "Ada", "phone_number": NUMBER}).raise_for_status().json()
    print(f"{NUMBER} is called: key in {begun['validation_code']}")

    outcome = outcome_of(service, begun["id"])
    [number] = [number for number in service.get("/numbers").json() if number["phone_number"] == NUMBER]
    removed = service.delete(f"/numbers/{number['sid']}").status_code

    assert (outcome, number["user"], removed) == ("verified", "Ada", 204)

"""A complete verification with the account in the environment: Twilio calls a phone, and its owner enters the code.

StatusCallbacks must be able to reach this machine.
"""

import os
import time

import httpx
import pytest

pytestmark = pytest.mark.skipif(
    "TWILIO_ACCOUNT_SID" not in os.environ, reason="calls a phone: set TWILIO_ACCOUNT_SID to run it"
)

NUMBER = "+14158675309"
SECONDS_TO_ANSWER = 60.0


def wait_for_outcome(service: httpx.Client, verification_id: str) -> str:
    """Wait for the outcome of a verification, and return it."""
    deadline = time.monotonic() + SECONDS_TO_ANSWER
    while time.monotonic() < deadline:
        outcome: str = service.get(f"/verifications/{verification_id}").raise_for_status().json()["outcome"]
        if outcome != "calling":
            return outcome
        time.sleep(0.05)
    return f"no outcome within {SECONDS_TO_ANSWER} s"


def test_number_is_verified_and_can_be_deleted(service: httpx.Client) -> None:
    request_body = {"user": "Ada", "phone_number": NUMBER}
    verification = service.post("/verifications", json=request_body).raise_for_status().json()
    print(f"Twilio calls {NUMBER}. Enter {verification['validation_code']}.")

    outcome = wait_for_outcome(service, verification["id"])
    [number] = [number for number in service.get("/numbers").json() if number["phone_number"] == NUMBER]
    delete_status = service.delete(f"/numbers/{number['sid']}").status_code

    assert (outcome, number["user"], delete_status) == ("verified", "Ada", 204)

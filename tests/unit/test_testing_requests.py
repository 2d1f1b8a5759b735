"""The timeouts of requests by ringback.testing."""

from typing import Any

import pytest

from ringback.testing.requests import LONG_SECONDS, AccountRequests, Request, ServerRequests
from ringback.testing.resource_requests import ClockRequests

ACCOUNT_SID = "AC" + "0" * 32
SERVER, ACCOUNT, CLOCK = ServerRequests(), AccountRequests(ACCOUNT_SID), ClockRequests(ACCOUNT_SID)


@pytest.mark.parametrize(
    "long_request", [SERVER.reset(), SERVER.snapshot(), SERVER.restore({}), CLOCK.advance(1)], ids=str
)
def test_request_for_all_accounts_has_a_long_timeout(long_request: Request[Any]) -> None:
    assert long_request.wait_seconds == LONG_SECONDS


@pytest.mark.parametrize("short_request", [ACCOUNT.delete(), ACCOUNT.api_key(), CLOCK.freeze()], ids=str)
def test_request_for_one_account_has_a_short_timeout(short_request: Request[Any]) -> None:
    assert short_request.wait_seconds == 0

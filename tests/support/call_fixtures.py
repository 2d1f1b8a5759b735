"""A plugin: the calls that contract tests of lists look at."""

import pytest

from support.calls import LONGEST_DELAY, SUPERSEDED, Called, ask_for, ended
from support.contract import Api, draw_number


@pytest.fixture(scope="session")
def called(api: Api) -> Called:
    """Have one number called five times over; nobody else calls it."""
    number = draw_number()
    sids = [ask_for(api, number, CallDelay=LONGEST_DELAY) for _ in range(SUPERSEDED)]
    sids.append(ask_for(api, number))
    return Called(number, sids[::-1], ended(api, sids[-1]))

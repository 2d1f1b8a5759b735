"""Brings about the faults that StatusCallbacks met, but for delays, which were over before they were leased."""

from dataclasses import replace
from typing import NamedTuple

from ringback.domain.callbacks import StatusCallback
from ringback.domain.faults import BadSignature, Duplicate, Suppress

DROPPED = "a fault dropped it"


class Sending(NamedTuple):
    """A StatusCallback as it is to be sent, and how often in all: 0 for one that is not sent."""

    callback: StatusCallback
    times: int


def sending(callback: StatusCallback) -> Sending:
    """Return what is to be sent of a callback, as its fault will have it."""
    match callback.fault:
        case Duplicate(times):
            return Sending(callback, times)
        case BadSignature() as fault:
            return Sending(replace(callback, auth_token=fault.token(callback.auth_token)), 1)
        case Suppress():
            return Sending(callback, 0)
    return Sending(callback, 1)

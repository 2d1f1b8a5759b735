"""The classes of `ringback.testing` for async tests. They do not block the event loop.

``async with aio.connect(url) as server:`` connects to a running server; ``async with aio.attach(ringback) as account:``
provides the account of the fixture ``ringback``. Each method that sends a request is a coroutine here, with the same
name, parameters and result as in `ringback.testing`.
"""

from ringback.testing.aio.account import Account
from ringback.testing.aio.calls import Call
from ringback.testing.aio.connection import Connection, attach, connect
from ringback.testing.aio.resources import Clock, Faults, Inbox, IncomingPhoneNumbers, Phone, Policy

__all__ = [
    "Account",
    "Call",
    "Clock",
    "Connection",
    "Faults",
    "Inbox",
    "IncomingPhoneNumbers",
    "Phone",
    "Policy",
    "attach",
    "connect",
]

"""The handles of `ringback.testing` for async tests: they leave the event loop free while they wait for the server.

``async with aio.connect(url) as server:`` connects to a running server, ``async with aio.attach(ringback) as account:``
gives the account of the fixture ``ringback``. Each method of a synchronous handle that sends a request is a coroutine
here, with the same name, parameters and result.
"""

from ringback.testing.aio.account import Account
from ringback.testing.aio.calls import Call
from ringback.testing.aio.connection import Connection, attach, connect
from ringback.testing.aio.resources import Clock, Faults, Inbox, Phone, Policy

__all__ = ["Account", "Call", "Clock", "Connection", "Faults", "Inbox", "Phone", "Policy", "attach", "connect"]

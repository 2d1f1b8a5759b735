"""Client library for test suites: start or connect to a server, and control accounts, phones, clocks and faults.

``with ringback.testing.Server() as server:`` starts a server, and ``ringback.testing.connect(url)`` connects to a
running one. Both create accounts, and each account gives access to its contents. With pytest, the fixture ``ringback``
is an account. `ringback.testing.aio` has the same classes for async tests.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ringback.testing.account import Account
    from ringback.testing.calls import Call
    from ringback.testing.connection import Connection, connect
    from ringback.testing.errors import BlockedEventLoopWarning, ControlError, ServerNotStarted
    from ringback.testing.models import Event
    from ringback.testing.server import Server

__all__ = [
    "Account",
    "BlockedEventLoopWarning",
    "Call",
    "Connection",
    "ControlError",
    "Event",
    "Server",
    "ServerNotStarted",
    "connect",
]

_MODULES = {
    "Account": "account",
    "BlockedEventLoopWarning": "errors",
    "Call": "calls",
    "Connection": "connection",
    "ControlError": "errors",
    "Event": "models",
    "Server": "server",
    "ServerNotStarted": "errors",
    "connect": "connection",
}


def __getattr__(name: str) -> Any:
    """Import a class when it is first used, because pytest imports this package in every test suite."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)

"""ringback in a test suite: servers, accounts and the handles of what belongs to them.

``with ringback.testing.Server() as server:`` starts a server, ``ringback.testing.connect(url)`` connects to a running
one. Both make accounts, from which everything else is reached. pytest has an account as the fixture ``ringback``.
`ringback.testing.aio` has the same for async tests.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ringback.testing.account import Account
    from ringback.testing.calls import Call
    from ringback.testing.connection import Connection, connect
    from ringback.testing.errors import BlockedEventLoopWarning, ControlError, ServerNotStarted
    from ringback.testing.records import Event
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

_PLACES = {
    "Account": "account",
    "BlockedEventLoopWarning": "errors",
    "Call": "calls",
    "Connection": "connection",
    "ControlError": "errors",
    "Event": "records",
    "Server": "server",
    "ServerNotStarted": "errors",
    "connect": "connection",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: pytest imports this package in every suite."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)

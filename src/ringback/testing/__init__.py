"""ringback in a test suite: a server to start, or one that runs already, and accounts to do anything with.

``with ringback.testing.Server() as server:`` starts one, ``ringback.testing.connect(url)`` takes one that runs. Either
makes accounts, and an account is the handle that everything else hangs on. pytest has it as the fixture ``ringback``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ringback.testing.account import Account
    from ringback.testing.calls import Call
    from ringback.testing.connection import Connection, connect
    from ringback.testing.errors import ControlError, ServerNotStarted
    from ringback.testing.records import Event
    from ringback.testing.server import Server

__all__ = ["Account", "Call", "Connection", "ControlError", "Event", "Server", "ServerNotStarted", "connect"]

_PLACES = {
    "Account": "account",
    "Call": "calls",
    "Connection": "connection",
    "ControlError": "errors",
    "Event": "records",
    "Server": "server",
    "ServerNotStarted": "errors",
    "connect": "connection",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for, then: pytest imports this package in every suite, also where nobody uses it."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)

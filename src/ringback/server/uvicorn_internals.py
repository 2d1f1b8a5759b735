"""The undocumented names of uvicorn that the server uses, and the check at startup that this version has them.

pyproject.toml sets no upper bound for uvicorn. If a version lacks one of these names, the server says so in one line at
startup, instead of failing at the first request. The tests run with the lowest version that pyproject.toml allows and
with the one in constraints.txt.
"""

from collections.abc import Mapping
from importlib import import_module
from inspect import isfunction
from typing import Any

import uvicorn

LOWEST_VERSION = "0.53"
INTERNALS: Mapping[str, tuple[str, ...]] = {
    "uvicorn.protocols.http.httptools_impl.HttpToolsProtocol": (
        "_unset_keepalive_if_required",
        "connection_lost",
        "connection_made",
        "cycle",
        "flow",
        "headers",
        "loop",
        "on_body",
        "on_headers_complete",
        "on_message_begin",
        "on_message_complete",
        "on_response_complete",
        "parser",
        "pipeline",
        "scheme",
        "scope",
        "server_state",
        "shutdown",
        "tasks",
        "timeout_keep_alive_task",
        "transport",
        "url",
    ),
    "uvicorn.protocols.http.httptools_impl.RequestResponseCycle": (
        "keep_alive",
        "response_complete",
        "response_started",
        "waiting_for_100_continue",
    ),
    "uvicorn.protocols.http.flow_control.FlowControl": (
        "pause_reading",
        "read_paused",
        "resume_reading",
        "write_paused",
    ),
    "uvicorn.server.Server": ("config", "lifespan", "server_state", "should_exit", "shutdown", "started", "startup"),
}


class IncompatibleUvicorn(Exception):
    """The installed version of uvicorn lacks a name that the server uses; the message is for the user."""


def check_uvicorn() -> None:
    """Raise IncompatibleUvicorn if a class of INTERNALS or one of its names is missing."""
    missing = [
        f"{path.rpartition('.')[2]}{name}" for path, names in INTERNALS.items() for name in _missing(path, names)
    ]
    if missing:
        raise IncompatibleUvicorn(
            f"uvicorn {uvicorn.__version__} lacks names that ringback uses: {', '.join(missing)}. "
            f"Install another version, such as the lowest that ringback supports: pip install uvicorn=={LOWEST_VERSION}"
        )


def _missing(path: str, names: tuple[str, ...]) -> list[str]:
    """Return the names that a class lacks, each after a dot, or an empty name if the class itself is missing."""
    module, _, name = path.rpartition(".")
    try:
        owner: Any = getattr(import_module(module), name)
    except (ImportError, AttributeError):
        return [""]
    instance_names = {used for value in vars(owner).values() if isfunction(value) for used in value.__code__.co_names}
    return [f".{name}" for name in names if not hasattr(owner, name) and name not in instance_names]

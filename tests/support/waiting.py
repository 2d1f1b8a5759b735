"""Waiting for what another process does, at most so long."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LOOK_EVERY_SECONDS = 0.02


def eventually(look: Callable[[], T | None], *, what: str, seconds: float = 10.0) -> T:
    """Return the first thing `look` finds that is not None, False or empty; fail after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        threading.Event().wait(LOOK_EVERY_SECONDS)

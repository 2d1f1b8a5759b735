"""Waiting for conditions, and the time limits of tests."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 50.0
"""Time for which a test waits for a condition before it fails.

Only a broken program reaches this limit; a slow machine does not. It is longer than every timeout of ringback that
tests wait for, and shorter than the 60 seconds after which ringback closes an idle connection: a test that expects a
connection to be closed immediately fails if only the idle timeout closes it."""
PROGRAM_SECONDS = 300.0
"""Time limit of a program that a test starts: an interpreter, a compiler, another test suite."""
LOOK_EVERY_SECONDS = 0.01
OBSERVATION_SECONDS = 0.05
"""Time during which a test checks that something does not happen. A slow machine can hide a failure, but not cause
one."""


def eventually(look: Callable[[], T | None], *, what: str, seconds: float = PATIENCE_SECONDS) -> T:
    """Return the first result of `look` that is not None, False or empty; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"not reached within {seconds} s: {what}"
        threading.Event().wait(LOOK_EVERY_SECONDS)

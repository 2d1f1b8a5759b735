"""A server that records the event loop callbacks that use much thread time.

Thread time is the processor time that a callback uses. Other processes do not increase it, however busy the machine is.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from support.servers.server import ServerProcess

LONGEST_CALLBACK_MS = 10.0
"""Maximum thread time of a callback. Requests that arrive during a callback wait until it ends."""
RECORDED_FROM_MS = 2.0
RUNS = 10
MS = 1_000_000
TESTS = Path(__file__).parents[2]


class Callback(NamedTuple):
    """A long callback: its thread time and a description."""

    ms: float
    what: str


class WatchedServer(ServerProcess):
    """A server process that writes its long callbacks to `report`."""

    def __init__(self, report: Path, **settings: Any) -> None:
        program = f"import sys; sys.path.insert(0, {str(TESTS)!r}); from support.servers.loop_watch import main; main()"
        command = [sys.executable, "-c", program, str(report), "serve"]
        super().__init__(cwd=None, command=command, covered=False, **settings)
        self._report = report

    @contextmanager
    def watched(self) -> Iterator[list[Callback]]:
        """Yield a list. At the end of the block, the callbacks recorded during it are added, longest first."""
        begin = self._report.stat().st_size
        found: list[Callback] = []
        yield found
        lines = self._report.read_bytes()[begin:].splitlines()
        found.extend(sorted((Callback(*json.loads(line)) for line in lines), reverse=True))


def too_long(callbacks: list[Callback]) -> list[Callback]:
    """Return the callbacks that exceed LONGEST_CALLBACK_MS."""
    return [callback for callback in callbacks if callback.ms > LONGEST_CALLBACK_MS]


def assert_yields(operation: Callable[[], list[Callback]]) -> None:
    """Assert that at least one of RUNS runs of an operation has no callback over the limit.

    `operation` returns its longest callbacks. A slow callback exceeds the limit in every run. A single run can exceed
    it when the host suspends the virtual machine, which may count as thread time.
    """
    for _ in range(RUNS):
        callbacks = too_long(operation())
        if not callbacks:
            return
    assert not callbacks, f"callbacks that blocked the event loop: {callbacks[:5]}"


def install(report: Path) -> None:
    """Record long callbacks of all event loops of this process in a file."""
    file = report.open("a", buffering=1)
    asyncio.Handle._run = _watching(lambda callback: file.write(json.dumps(callback) + "\n"))  # type: ignore[method-assign]  # noqa: SLF001


@contextmanager
def watched() -> Iterator[list[Callback]]:
    """Yield a list to which long callbacks of this process's event loops are added."""
    run, found = asyncio.Handle._run, list[Callback]()  # noqa: SLF001
    asyncio.Handle._run = _watching(found.append)  # type: ignore[method-assign]  # noqa: SLF001
    try:
        yield found
    finally:
        asyncio.Handle._run = run  # type: ignore[method-assign]  # noqa: SLF001


def _watching(note: Callable[[Callback], object]) -> Any:
    """Return a replacement for Handle._run that passes long callbacks to `note`."""
    run = asyncio.Handle._run  # noqa: SLF001

    def watching(handle: asyncio.Handle) -> None:
        started = time.thread_time_ns()
        run(handle)
        used = (time.thread_time_ns() - started) / MS
        if used >= RECORDED_FROM_MS:
            note(Callback(used, _described(handle)))

    return watching


def _described(handle: Any) -> str:
    """Describe a callback. A task is described by the functions in which it is suspended."""
    task = getattr(handle._callback, "__self__", None)  # noqa: SLF001
    if not isinstance(task, asyncio.Task):
        return repr(handle)
    names: list[str] = []
    waiting: Any = task.get_coro()
    while waiting is not None and len(names) < 30:
        code = getattr(waiting, "cr_code", None) or getattr(waiting, "gi_code", None)
        frame = getattr(waiting, "cr_frame", None)
        if code and code.co_name != "__call__":
            names.append(f"{code.co_name}:{frame.f_lineno if frame else '-'}")
        waiting = getattr(waiting, "cr_await", None) or getattr(waiting, "gi_yieldfrom", None)
    return " > ".join(names[-6:])


def main() -> None:
    """Run the command `ringback`, and record long callbacks in the file that the first argument names."""
    install(Path(sys.argv.pop(1)))
    sys.modules["uvloop"] = None  # type: ignore[assignment]  # cannot be watched; without it, uvicorn uses asyncio
    from ringback.__main__ import main as command  # noqa: PLC0415 - as the command imports it

    sys.exit(command())

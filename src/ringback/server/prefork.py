"""Worker processes that serve one socket, forked and supervised by a parent that serves nothing itself."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import structlog

STOP_SECONDS = 5
"""Grace period for the workers when they must stop."""
MIN_RESTART_SECONDS = 1.0
"""Shortest time between two starts of a worker, so that a crash loop does not keep the machine busy."""
STARTUP_SECONDS = 5.0
"""Time after a worker's start during which an error exit counts as a failed startup: a restart would fail too."""
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)

log = structlog.get_logger()


def _never(_: int) -> bool:
    return False


def run_workers(count: int, work: Callable[[int], int], is_restarted: Callable[[int], bool] = _never) -> int:
    """Run `work` in `count` processes, numbered from 1, until SIGTERM or Ctrl-C. Return the exit status.

    A worker that dies is restarted. If a worker fails during startup, which the worker reports itself, all workers
    stop, unless `is_restarted` returns True for its exit status. The workers stop when this process dies.
    """
    return _Workers(work, is_restarted).run(count)


class _Workers:
    def __init__(self, work: Callable[[int], int], is_restarted: Callable[[int], bool]) -> None:
        self._work = work
        self._is_restarted = is_restarted
        self._numbers: dict[int, int] = {}
        self._started_at: dict[int, float] = {}
        self._lifeline = os.pipe()
        self._is_stopping = False

    def run(self, count: int) -> int:
        for stop_signal in _STOP_SIGNALS:
            signal.signal(stop_signal, self._stop)
        signal.signal(signal.SIGALRM, self._kill)
        for number in range(1, count + 1):
            self._start(number)
        startup_ends_at = time.monotonic() + STARTUP_SECONDS
        restarted: set[int] = set()
        failure = 0
        while self._numbers:
            pid, wait_status = os.waitpid(-1, 0)
            number, status = self._numbers.pop(pid, 0), os.waitstatus_to_exitcode(wait_status)
            if not number or self._is_stopping:  # this process may have inherited other children
                continue
            is_startup = number not in restarted and time.monotonic() < startup_ends_at
            if status > 0 and is_startup and not self._is_restarted(status):
                failure = status
                self._stop()
                continue
            log.warning("worker died, restarting", worker=number, status=status)
            restarted.add(number)
            time.sleep(max(0.0, self._started_at[number] + MIN_RESTART_SECONDS - time.monotonic()))
            self._start(number)
        return failure

    def _start(self, number: int) -> None:
        with _signals_blocked():
            if self._is_stopping:
                return
            self._started_at[number] = time.monotonic()
            pid = self._fork()
            if pid:
                self._numbers[pid] = number
                return
            for stop_signal in (*_STOP_SIGNALS, signal.SIGALRM):
                signal.signal(stop_signal, _exit)
        os.close(self._lifeline[1])
        threading.Thread(target=_stop_with_parent, args=[self._lifeline[0]], daemon=True).start()
        raise SystemExit(self._work(number))

    def _fork(self) -> int:
        while True:
            try:
                return os.fork()
            except OSError as error:
                log.warning("worker start failed, retrying", reason=str(error))
                time.sleep(MIN_RESTART_SECONDS)

    def _stop(self, *_: object) -> None:
        """Stop all workers, and kill those that exceed the grace period."""
        self._is_stopping = True
        signal.alarm(STOP_SECONDS)
        self._send(signal.SIGTERM)

    def _kill(self, *_: object) -> None:
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        for pid in self._numbers:
            os.kill(pid, number)


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Block the stop signals between forking a worker and recording its process ID."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP_SIGNALS)


def _exit(_signal: int, _frame: FrameType | None) -> None:
    """Handle a stop signal in a worker that is not yet serving."""
    sys.exit(0)


def _stop_with_parent(lifeline: int) -> None:
    """Stop this process when its parent dies, which closes the other end of the pipe."""
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGTERM)

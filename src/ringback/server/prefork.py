"""Several processes that serve one socket: forked from one that only watches over them."""

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
"""How long workers may take to end, when they are to."""
SHORTEST_LIFE_SECONDS = 1.0
"""No worker is started again sooner than that after its start: one that always dies does not keep the machine busy."""
FIRST_SECONDS = 5.0
"""How long a failure of a worker counts as one of the start, which would fail again."""
_STOPS = (signal.SIGTERM, signal.SIGINT)

log = structlog.get_logger()


def _never(_: int) -> bool:
    return False


def run_workers(count: int, work: Callable[[int], int], is_restarted: Callable[[int], bool] = _never) -> int:
    """Run `work` in so many processes, each given its number from 1, until SIGTERM or Ctrl-C, and return the status.

    A worker that dies is started again, however it dies; but one that fails at the start has said why, and ends the
    others too, unless its status `is_restarted`. When the process that called this dies, in whatever way, the workers
    end by themselves.
    """
    return _Workers(work, is_restarted).run(count)


class _Workers:
    def __init__(self, work: Callable[[int], int], is_restarted: Callable[[int], bool]) -> None:
        self._work = work
        self._is_restarted = is_restarted
        self._numbers: dict[int, int] = {}
        self._started: dict[int, float] = {}
        self._lifeline = os.pipe()
        self._is_stopping = False

    def run(self, count: int) -> int:
        for wish in _STOPS:
            signal.signal(wish, self._stop)
        signal.signal(signal.SIGALRM, self._kill)
        for number in range(1, count + 1):
            self._start(number)
        begun = time.monotonic()
        replaced: set[int] = set()
        failure = 0
        while self._numbers:
            pid, ending = os.waitpid(-1, 0)
            number, status = self._numbers.pop(pid, 0), os.waitstatus_to_exitcode(ending)
            if not number or self._is_stopping:  # a child that this process was given by others is none of ours
                continue
            is_early = number not in replaced and time.monotonic() - begun < FIRST_SECONDS
            if status > 0 and is_early and not self._is_restarted(status):
                failure = status
                self._stop()
                continue
            log.warning("a worker has died; starting another one", worker=number, status=status)
            replaced.add(number)
            time.sleep(max(0.0, self._started[number] + SHORTEST_LIFE_SECONDS - time.monotonic()))
            self._start(number)
        return failure

    def _start(self, number: int) -> None:
        with _signals_held():
            if self._is_stopping:
                return
            self._started[number] = time.monotonic()
            pid = self._fork()
            if pid:
                self._numbers[pid] = number
                return
            for wish in (*_STOPS, signal.SIGALRM):
                signal.signal(wish, _leave)
        os.close(self._lifeline[1])
        threading.Thread(target=_end_with, args=[self._lifeline[0]], daemon=True).start()
        raise SystemExit(self._work(number))

    def _fork(self) -> int:
        while True:
            try:
                return os.fork()
            except OSError as error:
                log.warning("no worker can be started; trying again", reason=str(error))
                time.sleep(SHORTEST_LIFE_SECONDS)

    def _stop(self, *_: object) -> None:
        """Have all workers stop, and be killed if they do not."""
        self._is_stopping = True
        signal.alarm(STOP_SECONDS)
        self._send(signal.SIGTERM)

    def _kill(self, *_: object) -> None:
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        for pid in self._numbers:
            os.kill(pid, number)


@contextmanager
def _signals_held() -> Iterator[None]:
    """Let no wish to stop come between the birth of a worker and the note of it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    """Stop while nothing is served yet."""
    sys.exit(0)


def _end_with(lifeline: int) -> None:
    """Stop this process when the other end of the lifeline is closed: with its parent."""
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGTERM)

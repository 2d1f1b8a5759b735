"""A bounded queue of log lines, and the thread that writes them: logging neither blocks nor raises."""

import asyncio
import errno
import os
import select
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from weakref import WeakSet

MAX_QUEUED_BYTES = 8 * 1024 * 1024
"""Maximum size of the queue. Lines are dropped while it is full."""
LINE_OVERHEAD_BYTES = 64
"""Number of bytes added to the length of each line, so that the number of empty lines is limited too."""
MAX_WRITE_BYTES: int = getattr(select, "PIPE_BUF", 512)
"""A write of at most this size to a pipe is atomic, so that lines of several processes do not interleave."""
POLL_SECONDS = 0.01
"""Interval at which the thread looks for new lines. Callers need not wake it while lines keep arriving."""
POLLS_BEFORE_SLEEP = 100
FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 0.05, 1.0
"""Backoff after a failed write: the pause doubles with each failure."""
FLUSH_POLL_SECONDS = 0.002
WATCH_SECONDS = 1.0

_READER_GONE = frozenset({errno.EPIPE, errno.EBADF, errno.EIO, errno.ENXIO, errno.ECONNRESET, errno.ENOTCONN})
"""Errors of a stream without a reader, after which the lines are dropped. After any other error, the write is
retried."""

_writers: WeakSet["LogWriter"] = WeakSet()


class LogWriter:
    """Writes lines to one stream in the order in which they were queued.

    `write` writes bytes and returns their number, as os.write does. `notice` returns the line that reports the number
    of dropped lines. The thread starts with the first line, so that a forked process starts one only if it logs.
    """

    def __init__(
        self,
        write: Callable[[memoryview], int],
        notice: Callable[[int], bytes],
        *,
        max_queued_bytes: int = MAX_QUEUED_BYTES,
    ) -> None:
        self._write = write
        self._notice = notice
        self._max_queued_bytes = max_queued_bytes
        self.dropped_lines = 0
        self._forget()
        _writers.add(self)

    def _forget(self) -> None:
        """Reset to an empty queue without a thread, at creation and in a forked process."""
        self._lock = threading.RLock()  # reentrant: a signal handler or a finalizer may log while this thread logs
        self._lines: list[bytes] = []
        self._queued_bytes = 0
        self._unreported = 0
        self._is_reader_gone = self._is_mid_line = False
        self._thread: threading.Thread | None = None
        self.is_asleep = True
        self._wake = threading.Lock()
        self._wake.acquire()
        self._never_released = threading.Lock()
        self._never_released.acquire()
        self.failure: BaseException | None = None

    def put(self, line: bytes) -> None:
        """Queue a line, without its line feed, or drop it if the queue is full. Never blocks or raises."""
        with self._lock:
            if self._queued_bytes >= self._max_queued_bytes:
                self._unreported += 1
                self.dropped_lines += 1
                return
            self._lines.append(line)
            self._queued_bytes += len(line) + LINE_OVERHEAD_BYTES
            if self.is_asleep:
                self.is_asleep = False
                self._wake_thread()

    def flush(self, seconds: float) -> bool:
        """Wait up to `seconds` for the queue to be written. Return False on a timeout."""
        deadline = time.monotonic() + seconds
        while self._queued_bytes:
            if time.monotonic() >= deadline:
                return False
            self._pause(FLUSH_POLL_SECONDS)
        return True

    async def watch(self) -> None:
        """Keep the thread running until cancelled. If the thread fails, raise its exception for the supervisor."""
        self._restart_thread()
        while True:
            failure, self.failure = self.failure, None
            if failure:
                raise failure
            await asyncio.sleep(WATCH_SECONDS)

    def _restart_thread(self) -> None:
        with self._lock:
            if self._lines and self.is_asleep:
                self.is_asleep = False
                self._wake_thread()

    def _wake_thread(self) -> None:
        if self._thread:
            self._wake.release()
            return
        thread = threading.Thread(target=self._run, name="log writer", daemon=True)
        try:
            thread.start()
        except (
            RuntimeError
        ):  # the interpreter is shutting down, or there are too many threads: the next line tries again
            self.is_asleep = True
        else:
            self._thread = thread

    def _run(self) -> None:
        try:
            self._write_forever()
        except BaseException as failure:  # noqa: BLE001 - the next line, or the supervisor, starts another thread
            with self._lock:
                self.failure = failure
                self._thread, self.is_asleep = None, True
                self._queued_bytes = _size(self._lines)

    def _write_forever(self) -> None:
        quiet_polls = 0
        while True:
            with self._lock:
                lines, self._lines = self._lines, []
                unreported, self._unreported = self._unreported, 0
            if lines or (unreported and not self._is_reader_gone):
                self._write_lines(lines, unreported)
                quiet_polls = 0
            else:
                quiet_polls += 1
                self._unreported += unreported
            if quiet_polls < POLLS_BEFORE_SLEEP:
                self._pause(POLL_SECONDS)
            else:
                self._sleep()
                quiet_polls = 0

    def _sleep(self) -> None:
        with self._lock:
            self.is_asleep = is_asleep = not self._lines
        if is_asleep:  # also if a new line has already released the lock; otherwise the next sleep would not block
            self._wake.acquire()

    def _pause(self, seconds: float) -> None:
        """Sleep. Under libfaketime, time.sleep fails if it reaches the system call after its deadline."""
        self._never_released.acquire(timeout=seconds)

    def _write_lines(self, lines: list[bytes], unreported: int) -> None:
        """Write lines, then the number of dropped lines. If the stream had no reader before, write the number first."""
        if self._is_reader_gone:
            if not self._write_all(self._notice(unreported) + b"\n"):
                self._drop(lines)
                self._unreported += unreported
                return
            unreported = 0
        for chunk in _chunks(lines):
            if self._write_all(b"\n".join(chunk) + b"\n"):
                self._release(chunk)
            else:
                self._drop(chunk)
        if unreported and not self._write_all(self._notice(unreported) + b"\n"):
            self._unreported += unreported

    def _drop(self, lines: Sequence[bytes]) -> None:
        with self._lock:
            self._unreported += len(lines)
            self.dropped_lines += len(lines)
        self._release(lines)

    def _release(self, lines: Sequence[bytes]) -> None:
        with self._lock:
            self._queued_bytes -= _size(lines)

    def _write_all(self, data: bytes) -> bool:
        """Write all data, retrying as often as necessary. Return False if the stream has no reader."""
        rest = memoryview(b"\n" + data if self._is_mid_line and self._is_reader_gone else data)
        pause_seconds = FIRST_RETRY_SECONDS
        while rest:
            try:
                count = self._write(rest)
            except (OSError, ValueError) as error:
                if isinstance(error, ValueError) or error.errno in _READER_GONE:
                    self._is_reader_gone = True
                    return False
                self._pause(pause_seconds)
                pause_seconds = min(2 * pause_seconds, LONGEST_RETRY_SECONDS)
            else:
                self._is_mid_line = count < len(rest)
                rest, pause_seconds = rest[count:], FIRST_RETRY_SECONDS
        self._is_reader_gone = False
        return True


def _size(lines: Sequence[bytes]) -> int:
    return sum(map(len, lines)) + LINE_OVERHEAD_BYTES * len(lines)


def _chunks(lines: list[bytes]) -> Iterator[list[bytes]]:
    """Split lines into chunks that are written atomically. A line that exceeds the limit is a separate chunk."""
    chunk: list[bytes] = []
    size = 0
    for line in lines:
        size += len(line) + 1
        if chunk and size > MAX_WRITE_BYTES:
            yield chunk
            chunk, size = [], len(line) + 1
        chunk.append(line)
    if chunk:
        yield chunk


def _lock_all() -> None:
    for writer in list(_writers):
        writer._lock.acquire()  # noqa: SLF001 - a class of this module


def _unlock_all() -> None:
    for writer in list(_writers):
        with suppress(RuntimeError):  # a writer that was created after `_lock_all` is not locked
            writer._lock.release()  # noqa: SLF001


def _forget_all() -> None:
    for writer in list(_writers):
        writer._forget()  # noqa: SLF001


if hasattr(
    os, "register_at_fork"
):  # a thread that held a lock does not exist in the child, which would wait for the lock forever
    os.register_at_fork(before=_lock_all, after_in_parent=_unlock_all, after_in_child=_forget_all)

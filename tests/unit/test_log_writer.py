"""The log writer's thread: lines stay in order even if the stream fails, and callers neither wait nor fail."""

import asyncio
import errno
import os
import threading
import time
from collections.abc import Callable
from itertools import count
from types import SimpleNamespace

import pytest

from ringback.monitoring import log_writer
from ringback.monitoring.log_writer import LINE_OVERHEAD_BYTES, MAX_WRITE_BYTES, LogWriter
from support.waiting import PATIENCE_SECONDS, eventually


class Stream:
    """A stream that accepts at most `most` bytes per write, and that a test can make fail or block."""

    def __init__(self, most: int = 1_000_000) -> None:
        self.most = most
        self.failure: Exception | None = None
        self.failures = 0
        self.writes: list[bytes] = []
        self.is_open = threading.Event()
        self.is_open.set()
        self.is_held = threading.Event()

    def write(self, data: memoryview) -> int:
        if not self.is_open.is_set():
            self.is_held.set()
            self.is_open.wait()
        if self.failure:
            self.failures += 1
            raise self.failure
        self.writes.append(bytes(data[: self.most]))
        return len(self.writes[-1])

    @property
    def text(self) -> str:
        return b"".join(self.writes).decode()


def notice(lines: int) -> bytes:
    return b"%d dropped" % lines


def a_writer(stream: Stream, max_queued_bytes: int = 1_000_000) -> LogWriter:
    return LogWriter(stream.write, notice, max_queued_bytes=max_queued_bytes)


def flushed(writer: LogWriter) -> bool:
    return writer.flush(PATIENCE_SECONDS)


def wait_for_text(stream: Stream, text: str) -> None:
    eventually(lambda: stream.text == text, what=f"{text!r} in the log", seconds=PATIENCE_SECONDS)


def test_log_lines_are_written_in_order() -> None:
    stream = Stream()
    writer = a_writer(stream)

    for number in range(1_000):
        writer.put(b"%d" % number)

    assert flushed(writer)
    assert stream.text.split() == [str(number) for number in range(1_000)]


def test_log_lines_are_written_in_batches_up_to_the_atomic_size_of_a_pipe() -> None:
    stream = Stream()
    writer = a_writer(stream)
    stream.is_open.clear()
    writer.put(b"first")
    assert stream.is_held.wait(PATIENCE_SECONDS)
    for _ in range(100):
        writer.put(b"x" * 99)
    writer.put(b"y" * 2 * MAX_WRITE_BYTES)
    stream.is_open.set()

    assert flushed(writer)
    first, *others, long = map(len, stream.writes)
    assert (first, long) == (6, 2 * MAX_WRITE_BYTES + 1)
    assert sum(others) == 10_000
    assert max(others) <= MAX_WRITE_BYTES
    assert len(others) < 10


def test_partially_written_log_line_is_continued() -> None:
    stream = Stream(most=3)
    writer = a_writer(stream)

    writer.put(b"abcdefgh")
    writer.put(b"ij")

    assert flushed(writer)
    assert stream.text == "abcdefgh\nij\n"


@pytest.mark.parametrize("code", [errno.EAGAIN, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENOBUFS])
def test_log_bytes_are_written_again_after_a_temporary_error(code: int) -> None:
    stream = Stream()
    writer = a_writer(stream)
    stream.failure = OSError(code, os.strerror(code))
    writer.put(b"one")
    eventually(lambda: stream.failures, what="a failed write", seconds=PATIENCE_SECONDS)
    writer.put(b"two")
    is_written_early = writer.flush(0)
    stream.failure = None

    assert flushed(writer)
    assert (is_written_early, stream.text, writer.dropped_lines) == (False, "one\ntwo\n", 0)


GONE = [
    BrokenPipeError(errno.EPIPE, "Broken pipe"),
    OSError(errno.EIO, "Input/output error"),
    OSError(errno.EBADF, "Bad file descriptor"),
    ValueError("I/O operation on closed file"),
]


@pytest.mark.parametrize("failure", GONE, ids=lambda failure: type(failure).__name__)
def test_log_lines_without_a_reader_are_dropped_and_counted(failure: Exception) -> None:
    stream = Stream()
    writer = a_writer(stream)
    stream.failure = failure
    for line in (b"one", b"two"):
        writer.put(line)
        assert flushed(writer)
    dropped = writer.dropped_lines
    stream.failure = None

    writer.put(b"three")

    assert flushed(writer)
    assert (dropped, writer.dropped_lines) == (2, 2)
    assert stream.text == "2 dropped\nthree\n"


def test_log_line_after_an_incomplete_one_starts_on_a_new_line() -> None:
    stream = Stream(most=2)
    calls = count()

    def cut_off(data: memoryview) -> int:
        if next(calls) == 1:
            stream.most = 1_000
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")
        return stream.write(data)

    writer = LogWriter(cut_off, notice)
    writer.put(b"abcdef")
    assert flushed(writer)
    writer.put(b"next")

    assert flushed(writer)
    assert stream.text == "ab\n1 dropped\nnext\n"


def test_full_log_queue_drops_lines_and_logs_their_number_after_the_earlier_ones() -> None:
    stream = Stream()
    writer = a_writer(stream, max_queued_bytes=3 * (LINE_OVERHEAD_BYTES + 1))
    stream.is_open.clear()
    writer.put(b"0")
    assert stream.is_held.wait(PATIENCE_SECONDS)
    for number in range(1, 8):
        writer.put(b"%d" % number)
    stream.is_open.set()
    wait_for_text(stream, "0\n1\n2\n5 dropped\n")
    writer.put(b"8")
    assert flushed(writer)

    assert (stream.text, writer.dropped_lines) == ("0\n1\n2\n5 dropped\n8\n", 5)


def test_log_line_is_written_after_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_writer, "POLLS_BEFORE_SLEEP", 1)
    stream = Stream()
    writer = a_writer(stream)

    for written in range(1, 4):
        writer.put(b"x")
        assert flushed(writer)
        eventually(lambda: writer.is_asleep, what="the thread sleeps", seconds=PATIENCE_SECONDS)
        assert len(stream.writes) == written


def test_log_lines_are_written_under_libfaketime_where_sleep_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing_sleep(_: float) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(log_writer, "time", SimpleNamespace(sleep=failing_sleep, monotonic=time.monotonic))
    stream = Stream()
    writer = a_writer(stream)
    stream.failure = OSError(errno.ENOSPC, "full")
    writer.put(b"first")
    eventually(lambda: stream.failures > 1, what="the write is retried", seconds=PATIENCE_SECONDS)
    stream.failure = None
    assert flushed(writer)

    writer.put(b"second")

    assert flushed(writer)
    assert (stream.text, writer.failure, writer.dropped_lines) == ("first\nsecond\n", None, 0)


def test_log_line_added_before_the_thread_sleeps_prevents_its_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    writer = a_writer(Stream())
    monkeypatch.setattr(writer, "_thread", threading.current_thread())
    monkeypatch.setattr(writer, "_lock", LockWithCallback(lambda: writer.put(b"line")))

    for _ in range(3):
        monkeypatch.setattr(writer, "_lines", [])
        writer._sleep()  # noqa: SLF001 - the test needs the moment between its two steps

        assert not writer.is_asleep


class LockWithCallback:
    """A lock that calls `visit` each time it is released, but not while `visit` is running."""

    def __init__(self, visit: Callable[[], None]) -> None:
        self._visit = visit
        self._is_visited = False

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        if self._is_visited:
            return
        self._is_visited = True
        self._visit()
        self._is_visited = False


def test_dead_log_thread_is_replaced_at_the_next_line_and_reported() -> None:
    stream = Stream()
    writer = a_writer(stream)
    stream.failure = ZeroDivisionError()
    writer.put(b"lost")
    eventually(lambda: writer.failure, what="the thread's death", seconds=PATIENCE_SECONDS)
    stream.failure = None

    writer.put(b"next")
    eventually(lambda: stream.text, what="the next line", seconds=PATIENCE_SECONDS)

    assert stream.text == "next\n"
    with pytest.raises(ZeroDivisionError):
        asyncio.run(writer.watch())


def test_log_line_added_without_a_thread_is_written_with_the_next_line(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream()
    writer = a_writer(stream)

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as without_threads:
        without_threads.setattr(threading.Thread, "start", refuse)
        writer.put(b"one")
    writer.put(b"two")

    assert flushed(writer)
    assert stream.text == "one\ntwo\n"


def test_log_lines_are_accepted_from_many_threads() -> None:
    stream = Stream()
    writer = a_writer(stream)

    def put(name: int) -> None:
        for number in range(200):
            writer.put(b"%d %d" % (name, number))

    threads = [threading.Thread(target=put, args=[name]) for name in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert flushed(writer)
    lines = [tuple(map(int, line.split())) for line in stream.text.splitlines()]
    assert sorted(lines) == [(name, number) for name in range(5) for number in range(200)]
    assert all([n for m, n in lines if m == name] == list(range(200)) for name in range(5))


def in_a_fork(work: Callable[[], bool]) -> int:
    """Run `work` in a forked process, and return the exit status: 0 if `work` returned True."""
    pid = os.fork()
    if pid == 0:
        os._exit(0 if work() else 1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_forked_process_has_a_separate_log_thread_and_queue() -> None:
    reader, end = os.pipe()
    is_held, goes_on = threading.Event(), threading.Event()

    def write(data: memoryview) -> int:
        if bytes(data) == b"held\n":
            is_held.set()
            goes_on.wait()
        return os.write(end, data)

    writer = LogWriter(write, notice)
    writer.put(b"held")
    assert is_held.wait(PATIENCE_SECONDS)
    writer.put(b"of the parent")

    def child() -> bool:
        writer.put(b"of the child")
        return writer.flush(PATIENCE_SECONDS)

    status = in_a_fork(child)
    goes_on.set()
    assert flushed(writer)
    os.close(end)
    with os.fdopen(reader, "rb") as log:
        assert (status, log.read()) == (0, b"of the child\nheld\nof the parent\n")

"""The log: one line a request, a call transition, a delivery; text for people, JSON for programs; never a token.

While the server runs, everything that is written to standard output and standard error goes through log writers: the
log, what libraries print, warnings, and the tracebacks of unhandled exceptions. So a stream whose reader is slow or
gone, or whose disk is full, neither stops the server nor makes it fail.
"""

import atexit
import io
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, MutableMapping
from functools import lru_cache, partial
from types import TracebackType
from typing import Any, Literal, TextIO

import orjson
import structlog

from ringback.monitoring.log_writer import LogWriter
from ringback.server.console import escape_control_characters

NANOSECONDS = 1_000_000_000
FLUSH_SECONDS = 1.0
"""Longest wait at the exit for lines that are not written yet."""

LogFormat = Literal["text", "json"]

_writers: list[LogWriter] = []
"""Those of standard error and standard output, once they are configured."""

log = structlog.get_logger()


def configure_logs(log_format: LogFormat | None, log_level: str) -> LogWriter:
    """Send every log line, the libraries' too, to standard error; the format is text on a terminal, else JSON.

    Also replaces sys.stdout and sys.stderr, and the hooks for unhandled exceptions. Return the writer of the log.
    """
    as_text = log_format == "text" or (log_format is None and sys.stderr.isatty())
    level = logging.getLevelNamesMapping()[log_level.upper()]
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: Any = _text_renderer() if as_text else structlog.processors.JSONRenderer(serializer=_json)
    before = [_escape_values] if as_text else []
    render = _rendered_safely([*shared, *before, renderer]) if as_text else _json_line
    writer = _take_over_streams(lambda count: _encoded(render(None, "warning", _dropped(count))))
    put = _encoding(writer.put) if as_text else writer.put
    structlog.configure(
        processors=[render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _QueuedLogger(put),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *before, renderer],
    )
    handler = _QueuedHandler(writer)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)
    logging.captureWarnings(capture=True)
    sys.excepthook, sys.unraisablehook, threading.excepthook = _log_exception, _log_unraisable, _log_threads_exception
    return writer


class _QueuedLogger:
    """A logger of structlog that queues rendered lines."""

    def __init__(self, put: Callable[[bytes], None]) -> None:
        self.msg = self.debug = self.info = self.warning = self.error = self.critical = put


class _QueuedHandler(logging.Handler):
    """Hands the lines of the standard library's logging to a writer."""

    def __init__(self, writer: LogWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception as error:  # noqa: BLE001 - arguments that do not fit the message are the caller's mistake
            line = _json({"event": str(record.msg), "level": record.levelname.lower(), "log_error": repr(error)})
        self._writer.put(_encoded(line))


def _encoding(put: Callable[[bytes], None]) -> Callable[[bytes | str], None]:
    return lambda line: put(_encoded(line))


def _encoded(line: bytes | str) -> bytes:
    return line if isinstance(line, bytes) else line.encode("utf-8", "backslashreplace")


def _dropped(count: int) -> dict[str, Any]:
    return {"event": "log lines dropped", "count": count, "hint": "the log's reader was slow or gone, or its disk full"}


def _take_over_streams(notice: Callable[[int], bytes]) -> LogWriter:
    """Let sys.stdout and sys.stderr hand what is printed to log writers, and return that of standard error."""
    stdout, stderr = _original(sys.stdout), _original(sys.stderr)
    log_writer = LogWriter(_target(stderr), notice)
    out_writer = log_writer if _is_same_file(stdout, stderr) else LogWriter(_target(stdout), notice)
    sys.stdout, sys.stderr = _queued_stream(stdout, out_writer), _queued_stream(stderr, log_writer)
    if not _writers:
        atexit.register(flush_logs)
    _writers[:] = log_writer, out_writer
    return log_writer


def flush_logs(seconds: float = FLUSH_SECONDS) -> None:
    """Wait for the last lines to be written. A thread that is stuck in a write does not hold up the process's exit."""
    deadline = time.monotonic() + seconds
    for writer in _writers:
        writer.flush(max(0.0, deadline - time.monotonic()))


def _original(stream: TextIO) -> TextIO:
    """Return the stream itself, also where logs were configured before."""
    raw = getattr(stream, "buffer", None)
    return raw.stream if isinstance(raw, _QueuedBytes) else stream


def _descriptor(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return None


def _is_same_file(one: TextIO, other: TextIO) -> bool:
    """Tell whether two streams are one terminal, pipe or file: then one thread keeps the order of what is printed."""
    descriptors = _descriptor(one), _descriptor(other)
    return None not in descriptors and os.path.samestat(*(os.fstat(descriptor or 0) for descriptor in descriptors))


def _target(stream: TextIO) -> Callable[[memoryview], int]:
    """Return what writes to a stream: to its descriptor, where it has one."""
    descriptor = _descriptor(stream)
    if descriptor is not None:
        return partial(os.write, descriptor)

    def write(data: memoryview) -> int:
        stream.write(bytes(data).decode("utf-8", "replace"))
        return len(data)

    return write


class _QueuedBytes(io.RawIOBase):
    """Divides what is printed into lines, and hands them to a writer."""

    def __init__(self, stream: TextIO, writer: LogWriter) -> None:
        self.stream = stream
        self._writer = writer
        self._unfinished = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        *lines, self._unfinished = (self._unfinished + bytes(data)).split(b"\n")
        for line in lines:
            self._writer.put(line)
        return len(data)

    def isatty(self) -> bool:
        return self.stream.isatty()

    def fileno(self) -> int:
        return self.stream.fileno()


def _queued_stream(stream: TextIO, writer: LogWriter) -> TextIO:
    raw: Any = _QueuedBytes(stream, writer)
    return io.TextIOWrapper(raw, "utf-8", "backslashreplace", write_through=True)


def _log_exception(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    log.critical("unhandled exception", exc_info=(kind, error, traceback))


def _log_threads_exception(caught: threading.ExceptHookArgs) -> None:
    if caught.exc_type is not SystemExit:
        name = caught.thread.name if caught.thread else None
        exc_info = (caught.exc_type, caught.exc_value, caught.exc_traceback)
        log.critical("unhandled exception in a thread", thread=name, exc_info=exc_info)


def _log_unraisable(caught: "sys.UnraisableHookArgs") -> None:
    if caught.exc_type is UnicodeDecodeError and isinstance(caught.object, bytes):  # from the ssl module
        log.warning("TLS handshake refused", reason=f"the server name {caught.object!r} is not ASCII")
        return
    exc_info = (caught.exc_type, caught.exc_value, caught.exc_traceback)
    log.error("exception ignored", where=repr(caught.object), reason=caught.err_msg, exc_info=exc_info)


def _rendered_safely(processors: list[Any]) -> Any:
    """Return a processor that runs others, and renders a line as JSON where they fail."""

    def render(logger: object, level: str, line: dict[str, Any]) -> Any:
        rendered: Any = dict(line)
        try:
            for processor in processors:
                rendered = processor(logger, level, rendered)
        except Exception:  # noqa: BLE001 - logging never raises
            return _last_resort(line | {"level": level})
        return rendered

    return render


def _json_line(logger: object, level: str, line: MutableMapping[str, Any]) -> bytes:
    """Do in one step what structlog's own processors do in four: a request's line costs half."""
    seconds, nanoseconds = divmod(time.time_ns(), NANOSECONDS)
    line["level"] = level
    line["timestamp"] = f"{_second(seconds)}.{nanoseconds // 1000:06d}Z"
    try:
        if "exc_info" in line:
            line = structlog.processors.format_exc_info(logger, level, line)
        return orjson.dumps(line, default=str)
    except Exception:  # noqa: BLE001 - logging never raises
        return _last_resort(line)


def _last_resort(line: MutableMapping[str, Any]) -> bytes:
    """Render a line that has values which cannot be rendered, such as half a surrogate pair."""
    return json.dumps({str(name): _representation(value) for name, value in line.items()}).encode()


def _representation(value: object) -> object:
    if value is None or isinstance(value, str | int | float):
        return value
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001
        return f"<{type(value).__name__}: {type(error).__name__}>"


@lru_cache(maxsize=2)
def _second(since_1970: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(since_1970))


def _json(line: dict[str, Any], **_: Any) -> str:
    return orjson.dumps(line, default=str).decode()


def _escape_values(_logger: object, _level: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Escape the control characters in a line's texts: clients choose some of them, such as the names of hosts."""
    for name, value in line.items():
        if isinstance(value, str):
            line[name] = escape_control_characters(value)
    return line


def _text_renderer() -> Any:
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())

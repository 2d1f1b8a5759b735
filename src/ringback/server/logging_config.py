"""Logging configuration: one line per event, as human-readable text or as JSON, without secrets.

While the server runs, all output to standard output and standard error goes through log writers: log lines, output of
libraries, warnings, and tracebacks of unhandled exceptions. The server therefore neither waits nor fails when the
reader of a stream is slow or gone, or the disk is full.
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
"""Longest wait for lines to be written when the process exits."""

LogFormat = Literal["text", "json"]

_writers: list[LogWriter] = []
"""The writers of standard error and standard output, empty until `configure_logs` is called."""

log = structlog.get_logger()


def configure_logs(log_format: LogFormat | None, log_level: str) -> LogWriter:
    """Send all log lines, including those of libraries, to standard error. The default format is text on a terminal.

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
    escaping = [_escape_values] if as_text else []
    render = _render_safely([*shared, *escaping, renderer]) if as_text else _render_json
    writer = _redirect_streams(lambda count: _encode(render(None, "warning", _dropped_lines(count))))
    put = _encoding(writer.put) if as_text else writer.put
    structlog.configure(
        processors=[render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _QueuedLogger(put),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *escaping, renderer],
    )
    handler = _QueuedHandler(writer)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)
    logging.captureWarnings(capture=True)
    sys.excepthook, sys.unraisablehook, threading.excepthook = _log_exception, _log_unraisable, _log_thread_exception
    return writer


class _QueuedLogger:
    """A structlog logger that queues rendered lines."""

    def __init__(self, put: Callable[[bytes], None]) -> None:
        self.msg = self.debug = self.info = self.warning = self.error = self.critical = put


class _QueuedHandler(logging.Handler):
    """A handler of the standard library's logging that queues lines."""

    def __init__(self, writer: LogWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception as error:  # noqa: BLE001 - the caller's arguments may not match its message
            line = _json({"event": str(record.msg), "level": record.levelname.lower(), "log_error": repr(error)})
        self._writer.put(_encode(line))


def _encoding(put: Callable[[bytes], None]) -> Callable[[bytes | str], None]:
    return lambda line: put(_encode(line))


def _encode(line: bytes | str) -> bytes:
    return line if isinstance(line, bytes) else line.encode("utf-8", "backslashreplace")


def _dropped_lines(count: int) -> dict[str, Any]:
    return {
        "event": "log lines dropped",
        "count": count,
        "hint": "the reader of the log was slow or gone, or the disk was full",
    }


def _redirect_streams(dropped_notice: Callable[[int], bytes]) -> LogWriter:
    """Redirect sys.stdout and sys.stderr to log writers. Return the writer of standard error."""
    stdout, stderr = _original(sys.stdout), _original(sys.stderr)
    log_writer = LogWriter(_target(stderr), dropped_notice)
    out_writer = log_writer if _is_same_file(stdout, stderr) else LogWriter(_target(stdout), dropped_notice)
    sys.stdout, sys.stderr = _queued_stream(stdout, out_writer), _queued_stream(stderr, log_writer)
    if not _writers:
        atexit.register(flush_logs)
    _writers[:] = log_writer, out_writer
    return log_writer


def flush_logs(seconds: float = FLUSH_SECONDS) -> None:
    """Wait up to `seconds` for all lines to be written. A write that is still blocked then does not delay the exit."""
    deadline = time.monotonic() + seconds
    for writer in _writers:
        writer.flush(max(0.0, deadline - time.monotonic()))


def _original(stream: TextIO) -> TextIO:
    """Return the original stream, which `configure_logs` replaced."""
    raw = getattr(stream, "buffer", None)
    return raw.stream if isinstance(raw, _QueuedBytes) else stream


def _descriptor(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return None


def _is_same_file(one: TextIO, other: TextIO) -> bool:
    """Return whether two streams are the same terminal, pipe or file. If so, one writer keeps their lines in order."""
    descriptors = _descriptor(one), _descriptor(other)
    return None not in descriptors and os.path.samestat(*(os.fstat(descriptor or 0) for descriptor in descriptors))


def _target(stream: TextIO) -> Callable[[memoryview], int]:
    """Return a function that writes to a stream, by its file descriptor if the stream has one."""
    descriptor = _descriptor(stream)
    if descriptor is not None:
        return partial(os.write, descriptor)

    def write(data: memoryview) -> int:
        stream.write(bytes(data).decode("utf-8", "replace"))
        return len(data)

    return write


class _QueuedBytes(io.RawIOBase):
    """A stream that splits its input into lines and queues them."""

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


def _log_thread_exception(caught: threading.ExceptHookArgs) -> None:
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


def _render_safely(processors: list[Any]) -> Any:
    """Return a processor that runs others in turn, and renders the line as JSON if one of them fails."""

    def render(logger: object, level: str, line: dict[str, Any]) -> Any:
        rendered: Any = dict(line)
        try:
            for processor in processors:
                rendered = processor(logger, level, rendered)
        except Exception:  # noqa: BLE001 - logging never raises
            return _render_unserializable(line | {"level": level})
        return rendered

    return render


def _render_json(logger: object, level: str, line: MutableMapping[str, Any]) -> bytes:
    """Render a line as JSON in one step, at half the cost of the four structlog processors that it replaces."""
    seconds, nanoseconds = divmod(time.time_ns(), NANOSECONDS)
    line["level"] = level
    line["timestamp"] = f"{_format_second(seconds)}.{nanoseconds // 1000:06d}Z"
    try:
        if "exc_info" in line:
            line = structlog.processors.format_exc_info(logger, level, line)
        return orjson.dumps(line, default=str)
    except Exception:  # noqa: BLE001 - logging never raises
        return _render_unserializable(line)


def _render_unserializable(line: MutableMapping[str, Any]) -> bytes:
    """Render a line with values that orjson cannot serialize, such as a lone surrogate."""
    return json.dumps({str(name): _serializable(value) for name, value in line.items()}).encode()


def _serializable(value: object) -> object:
    if value is None or isinstance(value, str | int | float):
        return value
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001
        return f"<{type(value).__name__}: {type(error).__name__}>"


@lru_cache(maxsize=2)
def _format_second(since_1970: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(since_1970))


def _json(line: dict[str, Any], **_: Any) -> str:
    return orjson.dumps(line, default=str).decode()


def _escape_values(_logger: object, _level: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Escape control characters in strings that clients may control, such as host names (log injection)."""
    for name, value in line.items():
        if isinstance(value, str):
            line[name] = escape_control_characters(value)
    return line


def _text_renderer() -> Any:
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())

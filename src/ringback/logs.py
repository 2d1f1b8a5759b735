"""The log: one line a request, a call transition, a delivery; text for people, JSON for programs; never a token."""

import logging
import sys
import time
from collections.abc import MutableMapping
from functools import lru_cache
from typing import Any, Literal

import orjson
import structlog

NANOSECONDS = 1_000_000_000

LogFormat = Literal["text", "json"]


def configure_logs(log_format: LogFormat | None, log_level: str) -> None:
    """Send every log line, the libraries' too, to standard error; the format is text on a terminal, else JSON."""
    as_text = log_format == "text" or (log_format is None and sys.stderr.isatty())
    level = logging.getLevelNamesMapping()[log_level.upper()]
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer = _text_renderer() if as_text else structlog.processors.JSONRenderer(serializer=_json)
    structlog.configure(
        processors=[*shared, renderer] if as_text else [_json_line],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr)
        if as_text
        else structlog.BytesLoggerFactory(file=sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)


def _json_line(logger: object, level: str, line: MutableMapping[str, Any]) -> bytes:
    """Do in one step what structlog's own processors do in four: a request's line costs half."""
    seconds, nanoseconds = divmod(time.time_ns(), NANOSECONDS)
    line["level"] = level
    line["timestamp"] = f"{_second(seconds)}.{nanoseconds // 1000:06d}Z"
    if "exc_info" in line:
        line = structlog.processors.format_exc_info(logger, level, line)
    return orjson.dumps(line, default=str)


@lru_cache(maxsize=2)
def _second(since_1970: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(since_1970))


def _json(line: dict[str, Any], **_: Any) -> str:
    return orjson.dumps(line, default=str).decode()


def _text_renderer() -> Any:
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())

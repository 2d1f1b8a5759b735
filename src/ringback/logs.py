"""The log: one line a request, a call transition, a delivery; text for people, JSON for programs; never a token."""

import logging
import sys
from typing import Any, Literal

import orjson
import structlog

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
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
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


def _json(line: dict[str, Any], **_: Any) -> str:
    return orjson.dumps(line, default=str).decode()


def _text_renderer() -> Any:
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())

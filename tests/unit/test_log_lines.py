"""The log on standard error: one line per event, as text or JSON."""

import json
import subprocess
import sys

import pytest

from support.waiting import PROGRAM_SECONDS

PROGRAM = """
import logging, structlog
from ringback.server.logging_config import configure_logs
configure_logs({log_format!r}, {level!r})
log = structlog.get_logger()
log.debug("fine")
log.info("call", call_sid="CA1", moment={{1}})
try:
    1 / 0
except ZeroDivisionError:
    log.exception("it failed")
logging.getLogger("library").warning("careful")
logging.getLogger("library").info("chatter")
"""


def logged(log_format: str | None, level: str) -> str:
    program = PROGRAM.format(log_format=log_format, level=level)
    ended = subprocess.run(  # noqa: S603
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=PROGRAM_SECONDS
    )
    assert ended.stdout == ""
    return ended.stderr


@pytest.mark.parametrize("log_format", ["json", None])
def test_json_log_has_one_object_per_line(log_format: str | None) -> None:
    call, failure, careful = map(json.loads, logged(log_format, "info").splitlines())

    assert call.pop("timestamp").endswith("Z")
    assert call == {"event": "call", "call_sid": "CA1", "level": "info", "moment": "{1}"}
    assert "ZeroDivisionError" in failure["exception"]
    assert (careful["event"], careful["level"]) == ("careful", "warning")


def test_log_on_a_terminal_is_text() -> None:
    first = logged("text", "info").splitlines()[0]

    assert "call" in first
    assert "call_sid=CA1" in first
    assert "\x1b" not in first


def test_control_characters_are_escaped_in_text() -> None:
    program = """
import logging, structlog
from ringback.server.logging_config import configure_logs
configure_logs("text", "info")
structlog.get_logger().info("call\\x1b[2J", host="\\x1b]0;owned\\x07.twilio.com", name="\\x9b31m\\u202e")
logging.getLogger("library").warning("careful\\x1b[31m")
try:
    raise ValueError("\\x1b[8m")
except ValueError:
    structlog.get_logger().exception("it failed")
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, timeout=PROGRAM_SECONDS)  # noqa: S603
    text = ended.stderr.decode()

    assert r"host=\x1b]0;owned\x07.twilio.com" in text
    assert r"\x9b31m\u202e" in text
    assert r"ValueError: \x1b[8m" in text
    assert [character for character in text if not character.isprintable() and character != "\n"] == []


@pytest.mark.parametrize(
    ("level", "events"),
    [
        ("debug", ["fine", "call", "it failed", "careful"]),
        ("info", ["call", "it failed", "careful"]),
        ("warning", ["it failed", "careful"]),
        ("error", ["it failed"]),
    ],
)
def test_log_level_is_the_lowest_logged_level(level: str, events: list[str]) -> None:
    assert [json.loads(line)["event"] for line in logged("json", level).splitlines()] == events


TWICE = """
import structlog
from ringback.server.logging_config import configure_logs
configure_logs("json", "info")
configure_logs("json", "info")
structlog.get_logger().info("once")
"""


def test_logging_can_be_configured_again() -> None:
    ended = subprocess.run([sys.executable, "-c", TWICE], capture_output=True, text=True, check=True, timeout=60)  # noqa: S603

    assert [json.loads(line)["event"] for line in ended.stderr.splitlines()] == ["once"]


ODDITIES = """
import gc, logging, sys, threading, warnings, structlog
from ringback.server.logging_config import configure_logs
configure_logs({log_format!r}, "info")
log = structlog.get_logger()

class Unprintable:
    def __str__(self):
        raise ZeroDivisionError
    __repr__ = __str__

class Finalized:
    def __del__(self):
        raise KeyError("in a finalizer")

log.info("half", text="a \\ud800")
log.info("unprintable", value=Unprintable())
logging.getLogger("library").warning("%d apples", "many")
logging.getLogger("library").error("printable", extra={{"x": Unprintable()}})
print("printed", "by a library")
print("and to", "standard error", file=sys.stderr)
warnings.warn("old way", UserWarning)
thread = threading.Thread(target=lambda: 1 / 0, name="worker")
thread.start()
thread.join()
Finalized()
gc.collect()
[][1]
"""


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_log_contains_printed_texts_warnings_and_unhandled_exceptions(log_format: str) -> None:
    ended = subprocess.run(  # noqa: S603
        [sys.executable, "-c", ODDITIES.format(log_format=log_format)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert ended.returncode == 1
    assert ended.stdout == "printed by a library\n"
    for wanted in (
        "half",
        "unprintable",
        "apples",
        "printable",
        "and to standard error",
        "old way",
        "unhandled exception in a thread",
        "ZeroDivisionError",
        "in a finalizer",
        "unhandled exception",
        "IndexError",
    ):
        assert wanted in ended.stderr, wanted
    if log_format == "json":
        lines = [json.loads(line) for line in ended.stderr.splitlines() if line != "and to standard error"]
        assert lines[-1]["event"] == "unhandled exception"

"""The log: one line an event, as text or JSON, on standard error."""

import json
import subprocess
import sys

import pytest

from support.waiting import PROGRAM_SECONDS

PROGRAM = """
import logging, structlog
from ringback.logs import configure_logs
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
def test_programs_get_one_json_object_a_line(log_format: str | None) -> None:
    call, failure, careful = map(json.loads, logged(log_format, "info").splitlines())

    assert call.pop("timestamp").endswith("Z")
    assert call == {"event": "call", "call_sid": "CA1", "level": "info", "moment": "{1}"}
    assert "ZeroDivisionError" in failure["exception"]
    assert (careful["event"], careful["level"]) == ("careful", "warning")


def test_people_get_text() -> None:
    first = logged("text", "info").splitlines()[0]

    assert "call" in first
    assert "call_sid=CA1" in first
    assert "\x1b" not in first


@pytest.mark.parametrize(
    ("level", "events"),
    [
        ("debug", ["fine", "call", "it failed", "careful"]),
        ("info", ["call", "it failed", "careful"]),
        ("warning", ["it failed", "careful"]),
        ("error", ["it failed"]),
    ],
)
def test_the_level_says_what_is_the_least_that_is_logged(level: str, events: list[str]) -> None:
    assert [json.loads(line)["event"] for line in logged("json", level).splitlines()] == events

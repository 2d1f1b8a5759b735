"""Warnings about synchronous calls to ringback.testing that block the event loop of the calling thread."""

from datetime import UTC, datetime

import pytest

from ringback.testing.event_loop_warnings import is_timeout
from ringback.testing.models import CallbackAttempt


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("no answer from 127.0.0.1:8199 within 15 s", True),
        ("no answer within 15 s in total", True),
        ("127.0.0.1:8199 did not complete the TLS handshake within 5 s. Does it speak TLS?", True),
        ("127.0.0.1:8199 closed the connection before it answered", False),
        ("no connection to 127.0.0.1:8199 within 5 s", False),
        (None, False),
    ],
)
def test_attempt_with_a_timeout_error_is_recognized_as_timed_out(error: str | None, expected: bool) -> None:  # noqa: FBT001
    attempt = CallbackAttempt(
        number=1,
        at=datetime(2026, 1, 31, tzinfo=UTC),
        method="POST",
        url="http://127.0.0.1:8199/",
        headers={},
        parameters={},
        answer=None,
        elapsed_ms=5_000,
        error=error,
    )

    assert is_timeout(attempt) == expected

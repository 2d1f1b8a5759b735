"""A plugin: what must hold after two things happened at once; it needs the fixtures of support.control_fixtures."""

from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from support.control import Controlled


@pytest.fixture
async def nothing_fails(controlled: Controlled) -> AsyncIterator[None]:
    """See to it that nothing is logged as an error, and that nothing is stuck afterwards."""
    with capture_logs() as lines:
        yield
        tables = (await controlled.ask("GET", "/snapshot")).json()["tables"]
    assert [line for line in lines if line["log_level"] in ("error", "critical")] == []
    frozen = {account["sid"]: account["clock_frozen_at"] for account in tables["accounts"]}
    for call in tables["validation_calls"]:
        frozen_at = frozen[call["account_sid"]]
        waits = call["ended_at"] is not None or (frozen_at is not None and call["due_at"] > frozen_at)
        assert (call["real_due_at"] is None) == waits, call
    assert [row for row in tables["status_callbacks"] if row["due_at"] is None and row["status"] == "pending"] == []

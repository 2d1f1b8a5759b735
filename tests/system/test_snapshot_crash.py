"""A server killed during the restore of a snapshot has either the old state or the new one."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.sampling import WHOLE
from support.servers.server import ACCOUNT_SID, ServerProcess
from support.waiting import PATIENCE_SECONDS, eventually

MIB = 1024 * 1024
MESSAGES = 200
CONTROL = "/_ringback"
INBOX = f"{CONTROL}/accounts/{ACCOUNT_SID}/inbox/any"

pytestmark = pytest.mark.slow


def fill(http: httpx.Client, messages: int, friendly_name: str) -> None:
    assert http.post(f"{CONTROL}/accounts", json={"friendly_name": friendly_name}).status_code == 201
    for _ in range(messages):
        assert http.post(INBOX, data={"Body": "x" * 60_000}).status_code == 204


def state(http: httpx.Client) -> dict[str, Any]:
    answer = http.get(f"{CONTROL}/snapshot", timeout=PATIENCE_SECONDS)
    assert answer.status_code == 200, answer.text
    tables: dict[str, Any] = answer.json()["tables"]
    return tables


@pytest.mark.parametrize("written_bytes", [0, 2 * MIB, 6 * MIB, 20 * MIB] if WHOLE else [2 * MIB])
def test_server_killed_during_a_restore_has_the_old_or_the_new_state(tmp_path: Path, written_bytes: int) -> None:
    log = tmp_path / "ringback.db-wal"
    settings: dict[str, Any] = {"database_url": f"sqlite:///{tmp_path}/ringback.db"}
    with ServerProcess() as maker, maker.client() as http:
        fill(http, MESSAGES, "new")
        snapshot = http.get(f"{CONTROL}/snapshot").content
    with ServerProcess(**settings) as server, server.client() as http:
        fill(http, 3, "old")
        old, before = state(http), log.stat().st_size

        def restore() -> None:
            with suppress(httpx.HTTPError), server.client() as other:
                other.put(f"{CONTROL}/snapshot", content=snapshot, timeout=PATIENCE_SECONDS)

        with ThreadPoolExecutor() as threads:
            restoring = threads.submit(restore)
            eventually(
                lambda: restoring.done() or log.stat().st_size >= before + written_bytes,
                what=f"{written_bytes} bytes of the restored state are written",
            )
            server.kill()

    with ServerProcess(**settings) as server, server.client() as http:
        assert state(http) in (old, httpx.Response(200, content=snapshot).json()["tables"])

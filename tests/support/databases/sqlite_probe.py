"""Calls and callbacks in a server's SQLite file, read without the server."""

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.waiting import PATIENCE_SECONDS

UNSETTLED = """
SELECT 'call ' || sid || ' ' || state FROM validation_calls WHERE due_at IS NOT NULL OR ended_at IS NULL
UNION ALL
SELECT 'callback ' || call_sid || ' ' || status FROM status_callbacks
 WHERE due_at IS NOT NULL OR leased_until IS NOT NULL OR status = 'pending'
"""
CALLS = """
SELECT sid, phone_number, outgoing_caller_id_sid, timeline, status_callbacks.status, status_callbacks.idempotency_token
  FROM validation_calls LEFT JOIN status_callbacks ON call_sid = sid
"""


@dataclass(frozen=True)
class StoredCall:
    """The rows of a call and its callback. `events` are the events of its timeline, in order."""

    sid: str
    phone_number: str
    outgoing_caller_id_sid: str | None
    events: list[str]
    callback_status: str | None
    idempotency_token: str | None


def rows(database: Path, query: str) -> list[tuple[Any, ...]]:
    """Run a query and return its rows. Another process may have the file open."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=PATIENCE_SECONDS)) as connection:
        return connection.execute(query).fetchall()


def unsettled(database: Path) -> list[str]:
    """Describe the calls that have not ended and the callbacks that are pending."""
    return [row[0] for row in rows(database, UNSETTLED)]


def stored_calls(database: Path) -> dict[str, StoredCall]:
    """Return all calls by SID."""
    calls = {}
    for sid, number, caller_id, timeline, status, token in rows(database, CALLS):
        events = [event for _at, event, _detail in json.loads(timeline)]
        calls[sid] = StoredCall(sid, number, caller_id, events, status, token)
    return calls

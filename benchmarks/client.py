"""A client of the measured server: its default account, paths and calls."""

import base64
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from benchmarks.load import BenchmarkFailed

ACCOUNT_SID = "AC00000000000000000000000000000001"
AUTH_TOKEN = "feedfacefeedfacefeedfacefeedface"  # noqa: S105 - the documented default
AUTHORIZATION = f"Basic {base64.b64encode(f'{ACCOUNT_SID}:{AUTH_TOKEN}'.encode()).decode()}"
LIST_PATH = f"/2010-04-01/Accounts/{ACCOUNT_SID}/OutgoingCallerIds"
EVENTS_PATH = f"/_ringback/accounts/{ACCOUNT_SID}/events"
NUMBERS_PER_SECOND = 20_000
"""More numbers than a server can validate in a second, so that no number is used twice."""
FIRST_NUMBER = 2_000_000

TIMEOUT_SECONDS = 60.0
POLL_SECONDS = 0.02
PENDING_CALL = "SELECT EXISTS (SELECT 1 FROM validation_calls WHERE real_due_at IS NOT NULL)"
PENDING_CALLBACK = "SELECT EXISTS (SELECT 1 FROM status_callbacks WHERE due_at IS NOT NULL)"


def get(url: str) -> Any:
    """Send a GET request to a measured server, and return the JSON of the response."""
    with urlopen(Request(url, headers={"Authorization": AUTHORIZATION}), timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - our own server
        return json.load(answer)


def validate(server_url: str, phone_number: str, **parameters: str) -> Any:
    """Send a validation request, and return the JSON of the response."""
    body = urlencode({"PhoneNumber": phone_number, **parameters}).encode()
    asked = Request(f"{server_url}{LIST_PATH}.json", body, {"Authorization": AUTHORIZATION})  # noqa: S310 - our own server
    with urlopen(asked, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - our own server
        return json.load(answer)


@contextmanager
def reading(database: Path) -> Iterator[sqlite3.Connection]:
    """Open a running server's SQLite file for reading."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        yield connection


def wait_while(database: Path, question: str, seconds: float = TIMEOUT_SECONDS) -> float:
    """Poll a query until its result is 0, and return the time of the last poll in seconds since 1970."""
    deadline = time.monotonic() + seconds
    with reading(database) as connection:
        while connection.execute(question).fetchone()[0]:
            if time.monotonic() > deadline:
                raise BenchmarkFailed(f"the result was not 0 within {seconds:.0f} s: {question}")
            time.sleep(POLL_SECONDS)
    return time.time()

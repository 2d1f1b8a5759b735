"""Receivers that hang or send too much: their cost for a server, and their effect on other callbacks.

benchmarks/callbacks.py measures how much they delay other callbacks.
"""

import re
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.crashes.clients import http_client
from support.hostile import receivers as hostile
from support.hostile.receivers import Behavior, HostileReceiver
from support.receivers.receiver import CallbackReceiver
from support.sampling import WHOLE
from support.servers.seeds import number_at
from support.servers.server import ServerProcess, caller_ids_path
from support.waiting import eventually

TURNS = 15 if WHOLE else 7
GROWTH_KIB = 16 * 1024
TIME_OUT_SECONDS = 1
ENDED = f"no answer within {TIME_OUT_SECONDS} s in total|the response from .* is too large"
"""Pattern for the error of an attempt that the server aborted. An attempt with a response has no error."""
pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")]

ALL = [
    hostile.hang,
    hostile.drip_the_head,
    hostile.send_a_large_body,
    hostile.send_chunks_forever,
    hostile.send_tiny_chunks,
    hostile.send_a_large_head,
    hostile.send_continue_forever,
]
SAMPLE = [hostile.hang, hostile.send_a_large_body]


class Account:
    """An account for one test, in which all phones are busy."""

    numbers = count()

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        account = http.post("/_ringback/accounts").json()
        self._owner = (account["sid"], account["auth_token"])
        self._control = f"/_ringback/accounts/{account['sid']}"

    def ask(self, url: str) -> str:
        """Create a call that ends immediately and has a callback, and return its SID."""
        form = {"PhoneNumber": number_at(next(self.numbers) % 1000), "StatusCallback": url}
        path = f"{caller_ids_path(self._owner[0])}.json"
        sid: str = self._http.post(path, data=form, auth=self._owner).raise_for_status().json()["call_sid"]
        return sid

    def journal(self, sid: str) -> list[dict[str, Any]]:
        """Wait until a call's callback has settled, and return its attempts."""

        def settled() -> Any:
            journal = self._http.get(f"{self._control}/calls/{sid}/callbacks").json()
            return journal["status"] in ("delivered", "failed") and journal

        journal = eventually(settled, what=f"callback of {sid} settled")
        attempts: list[dict[str, Any]] = journal["callbacks"]
        return attempts


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ServerProcess(covered=False, phone_behavior="busy", callback_timeout_seconds=TIME_OUT_SECONDS) as running:
        yield running


def memory_kib(server: ServerProcess, line: str) -> int:
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    return next(int(text.split()[1]) for text in status.splitlines() if text.startswith(line))


def reset_peak_memory(server: ServerProcess) -> None:
    assert server.process is not None
    Path(f"/proc/{server.process.pid}/clear_refs").write_text("5", encoding="ascii")


@pytest.mark.parametrize("behavior", ALL if WHOLE else SAMPLE, ids=lambda behavior: behavior.__name__)
def test_hostile_receiver_uses_little_memory_and_delays_no_other_callback(
    server: ServerProcess, behavior: Behavior
) -> None:
    with http_client(server.base_url) as http, CallbackReceiver() as receiver, HostileReceiver(behavior) as enemy:
        same_account, other_account = Account(http), Account(http)
        good = [same_account.ask(receiver.url), other_account.ask(receiver.url)]
        receiver.wait_for(len(good))  # warm-up: caches are filled
        reset_peak_memory(server)
        before = memory_kib(server, "VmRSS:")
        hostile_ones: list[str] = []
        for account in [same_account, other_account] * TURNS:
            hostile_ones += [same_account.ask(enemy.url) for _ in range(2)]
            good.append(account.ask(receiver.url))
            receiver.wait_for(len(good))
        attempts = [same_account.journal(sid) for sid in hostile_ones]
        growth = memory_kib(server, "VmHWM:") - before

    print(f"{growth} KiB")  # noqa: T201
    assert sorted(received.form["CallSid"] for received in receiver.received) == sorted(good)
    assert growth < GROWTH_KIB
    assert {len(tries) for tries in attempts} == {1}
    for [attempt] in attempts:
        assert attempt["error"] is None or re.match(ENDED, attempt["error"])
        assert attempt["error"] or attempt["answer"]["status_code"] == 200
        assert len((attempt["answer"] or {"body": ""})["body"]) <= 2048

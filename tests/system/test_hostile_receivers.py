"""Receivers that hang or flood: what they cost a running server, and everybody else's callbacks."""

import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import pytest

from support import hostile_receivers as hostile
from support.crash_clients import http_client
from support.extent import WHOLE
from support.hostile_receivers import Behavior, HostileReceiver
from support.receiver import Answer, CallbackReceiver, Received
from support.seeds import number_at
from support.server import ServerProcess, caller_ids_path
from support.waiting import eventually

DELAY_SECONDS = 0.05
MEASURED = 15 if WHOLE else 7
GROWTH_KIB = 16 * 1024
TIME_OUT_SECONDS = 1
SPARE_MS = 1500
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is looked up in /proc")

ALL = [
    hostile.hang,
    hostile.drip_the_head,
    hostile.send_a_large_body,
    hostile.send_chunks_for_ever,
    hostile.send_tiny_chunks,
    hostile.send_a_large_head,
    hostile.say_continue_for_ever,
]
SAMPLE = [hostile.hang, hostile.send_a_large_body]


class Clocked(CallbackReceiver):
    """A receiver that notes when each call's callback arrived."""

    def __init__(self) -> None:
        super().__init__(self._note)
        self.arrived: dict[str, float] = {}

    def _note(self, received: Received) -> Answer:
        self.arrived[received.form["CallSid"]] = time.time()
        return Answer()


class Account:
    """An account of its own on the server, all of whose phones are busy."""

    numbers = count()

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        account = http.post("/_ringback/accounts").json()
        self._owner = (account["sid"], account["auth_token"])
        self._control = f"/_ringback/accounts/{account['sid']}"

    def ask(self, url: str) -> str:
        """Let a call end at once, and a callback be owed."""
        form = {"PhoneNumber": number_at(next(self.numbers) % 1000), "StatusCallback": url}
        path = f"{caller_ids_path(self._owner[0])}.json"
        sid: str = self._http.post(path, data=form, auth=self._owner).raise_for_status().json()["call_sid"]
        return sid

    def delay(self, receiver: Clocked, meanwhile: Callable[[], object] = lambda: None) -> float:
        """Return how many seconds it takes from a request to its callback, the median of some, none longer than ten."""
        found = []
        for _ in range(MEASURED):
            meanwhile()
            began = time.time()
            sid = self.ask(receiver.url)
            found.append(eventually(partial(receiver.arrived.get, sid), what="the callback") - began)
        return median(found)

    def journal(self, sid: str) -> list[dict[str, Any]]:
        """Return the attempts of a call's callback, once it is settled."""

        def settled() -> Any:
            journal = self._http.get(f"{self._control}/calls/{sid}/callbacks").json()
            return journal["status"] in ("delivered", "failed") and journal

        journal = eventually(settled, what=f"callback of {sid} settled", seconds=30)
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


def forget_peak(server: ServerProcess) -> None:
    assert server.process is not None
    Path(f"/proc/{server.process.pid}/clear_refs").write_text("5", encoding="ascii")


@pytest.mark.parametrize("behavior", ALL if WHOLE else SAMPLE, ids=lambda behavior: behavior.__name__)
def test_a_hostile_receiver_holds_up_nobody_and_takes_no_memory(server: ServerProcess, behavior: Behavior) -> None:
    with http_client(server.base_url) as http, Clocked() as receiver, HostileReceiver(behavior) as enemy:
        same_account, other_account = Account(http), Account(http)
        same_account.delay(receiver)  # what is made at the first time is made
        usual = other_account.delay(receiver)
        forget_peak(server)
        before = memory_kib(server, "VmRSS:")
        sids: list[str] = []

        def ask_for_more() -> None:
            sids.extend(same_account.ask(enemy.url) for _ in range(2))

        same, other = same_account.delay(receiver, ask_for_more), other_account.delay(receiver, ask_for_more)
        attempts = [same_account.journal(sid) for sid in sids]
        growth = memory_kib(server, "VmHWM:") - before

    print(f"{usual:.4f} s, then {same:.4f} and {other:.4f}; {growth} KiB")  # noqa: T201
    assert same - usual < DELAY_SECONDS
    assert other - usual < DELAY_SECONDS
    assert growth < GROWTH_KIB
    assert {len(tries) for tries in attempts} == {1}
    for [attempt] in attempts:
        assert attempt["error"] or attempt["answer"]["status_code"] == 200
        assert attempt["elapsed_ms"] < TIME_OUT_SECONDS * 1000 + SPARE_MS
        assert len((attempt["answer"] or {"body": ""})["body"]) <= 2048

"""Steps of the machine's clock, set by libfaketime, while a server runs calls."""

import sys
from pathlib import Path

import pytest

from support.servers.server import ACCOUNT_SID, ServerProcess, caller_ids_path
from support.waiting import PATIENCE_SECONDS

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
EVENTS = f"/_ringback/accounts/{ACCOUNT_SID}/events"

pytestmark = [pytest.mark.slow, pytest.mark.skipif(LIBRARY is None, reason="faketime is not installed")]


class SteppedMachine:
    """Servers on a machine whose wall clock is shifted by a number of hours. The monotonic clock is unaffected."""

    def __init__(self, folder: Path) -> None:
        self._offset = folder / "offset"
        self._database_url = f"sqlite:///{folder}/ringback.db"
        self.set_clock(0)

    def set_clock(self, hours: int) -> None:
        following = self._offset.with_suffix(".new")
        following.write_text(f"{hours:+d}h\n")
        following.rename(self._offset)

    def server(self) -> ServerProcess:
        environment = {
            "LD_PRELOAD": LIBRARY,
            "FAKETIME_TIMESTAMP_FILE": self._offset,
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        assignments = [f"{name}={value}" for name, value in environment.items()]
        command = ["env", *assignments, sys.executable, "-m", "ringback", "serve"]
        return ServerProcess(command=command, covered=False, database_url=self._database_url)


def validate(server: ServerProcess, number: str = "+14158675309") -> str:
    with server.client() as http:
        answer = http.post(f"{caller_ids_path()}.json", data={"PhoneNumber": number})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["call_sid"])


def wait_for_end(server: ServerProcess, call_sid: str) -> str:
    """Wait until a call has ended, and return its status."""
    query = {"type": "call.ended", "call_sid": call_sid, "wait_seconds": str(PATIENCE_SECONDS)}
    with server.client() as http:
        [event] = http.get(EVENTS, params=query, timeout=2 * PATIENCE_SECONDS).json()["events"]
    return str(event["data"]["verification_status"])


@pytest.mark.parametrize(("hours", "message"), [(-1, "set back"), (1, "set forward")])
def test_calls_continue_when_the_clock_is_stepped(tmp_path: Path, hours: int, message: str) -> None:
    machine = SteppedMachine(tmp_path)
    with machine.server() as server:
        before = validate(server)

        machine.set_clock(hours)

        assert wait_for_end(server, before) == "success"
        assert wait_for_end(server, validate(server, "+14158675310")) == "success"
        server.wait_for_log(lambda line: message in line["event"])


def test_calls_continue_after_a_restart_with_the_clock_set_back(tmp_path: Path) -> None:
    machine = SteppedMachine(tmp_path)
    with machine.server() as server:
        call_sid = validate(server)
        server.kill()
    machine.set_clock(-1)

    with machine.server() as server:
        assert wait_for_end(server, call_sid) == "success"

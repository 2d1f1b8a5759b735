"""A full disk: requests that cannot be stored are refused, and accepted calls continue when space is free again."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.crashes.checks import Inspector, by_call
from support.crashes.clients import Tenant, http_client
from support.crashes.report import Report
from support.databases.disk_space import DiskSpace, FileSizeLimit, SmallDisk, small_disk
from support.receivers.receiver import CallbackReceiver
from support.servers.seeds import number_at
from support.servers.server import ServerProcess, caller_ids_path
from support.waiting import PATIENCE_SECONDS

PHONES: dict[str, Any] = {
    "ring_seconds": 0.4,
    "key_seconds": 0.1,
    "ring_timeout_seconds": 1.0,
    "prompt_timeout_seconds": 0.2,
}
REFUSED = {
    "code": 20503,
    "message": "Service Unavailable",
    "more_info": "https://www.twilio.com/docs/errors/20503",
    "status": 503,
}
EARLIER, REFUSALS = 5, 20
MAX_LINES_PER_SECOND = 3
STUCK = "database unavailable, retrying"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux can change the limits of a running process"),
]
NO_SMALL_DISK = "mounting a small disk requires root privileges"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk") as mounted:
        if mounted is None:
            pytest.skip(NO_SMALL_DISK)
        yield mounted


@pytest.fixture
def disk_space(request: pytest.FixtureRequest, tmp_path: Path) -> DiskSpace:
    return request.getfixturevalue("disk") if request.param == "small disk" else FileSizeLimit(tmp_path)


def a_server(folder: Path) -> ServerProcess:
    return ServerProcess(covered=False, database_url=f"sqlite:///{folder / 'full.db'}", **PHONES)


def request_until_refused(http: httpx.Client, tenant: Tenant, receiver: CallbackReceiver) -> list[httpx.Response]:
    """Send validation requests until one is refused, record the accepted ones, and return the refusals."""
    refusals: list[httpx.Response] = []
    owner, path = (tenant.sid, tenant.auth_token), f"{caller_ids_path(tenant.sid)}.json"
    for position in range(EARLIER, 500):
        form = {"PhoneNumber": number_at(position), "StatusCallback": receiver.url}
        answer = http.post(path, data=form, auth=owner)
        if answer.status_code == httpx.codes.OK:
            tenant.answered[answer.json()["call_sid"]] = form["PhoneNumber"]
        else:
            refusals.append(answer)
        if len(refusals) == REFUSALS:
            break
    return refusals


def lines_per_second(server: ServerProcess) -> float:
    """Return the number of lines per second that an idle server logs on a full disk.

    Counts the lines between two warnings of the call runner. Lines before the first warning are about requests.
    """
    seen = len(server.log)

    def stuck() -> list[int]:
        return [number for number, line in enumerate(server.log) if number >= seen and is_runners(line)]

    def is_runners(line: dict[str, Any]) -> bool:
        return line["event"] == STUCK and "call_runner" in line["tasks"]

    server.wait_for_log(lambda _: len(stuck()) >= 2, 120)
    first, second = stuck()[:2]
    began, ended = (datetime.fromisoformat(server.log[number]["timestamp"]) for number in (first, second))
    return (second - first) / (ended - began).total_seconds()


def fetch(http: httpx.Client, tenant: Tenant) -> list[int]:
    """Send one read request of each kind, and return the statuses."""
    owner, account = (tenant.sid, tenant.auth_token), f"/2010-04-01/Accounts/{tenant.sid}"
    paths = [f"{account}/OutgoingCallerIds.json", f"{account}/Calls.json", f"{account}.json"]
    others = ["/livez", "/metrics", f"/_ringback/accounts/{tenant.sid}/calls", "/readyz"]
    return [http.get(path, auth=owner).status_code for path in [*paths, *others]]


@pytest.mark.parametrize(
    ("disk_space", "comes_back"),
    [("file-size limit", "as it is"), ("small disk", "killed and started again")],
    indirect=["disk_space"],
)
def test_full_disk_loses_no_accepted_request_and_work_continues_afterwards(
    disk_space: DiskSpace, comes_back: str
) -> None:
    report = Report()
    with CallbackReceiver() as receiver, ExitStack() as servers:
        server = servers.enter_context(a_server(disk_space.folder))
        with http_client(server.base_url) as http:
            tenant = Tenant.opened(http, "any")
            for position in range(EARLIER):
                tenant.ask(http, server.base_url, number_at(position), receiver.url)
            receiver.wait_for(1)
            tenant.ask(http, server.base_url, number_at(EARLIER + 500), receiver.url)
            disk_space.use_up(server)
            refusals = request_until_refused(http, tenant, receiver)
            a_second = lines_per_second(server)
            read = fetch(http, tenant)
        if comes_back == "killed and started again":
            server.kill()
            disk_space.free(server)
            server = servers.enter_context(a_server(disk_space.folder))
        else:
            disk_space.free(server)
        with http_client(server.base_url) as http:
            tenant.ask(http, server.base_url, number_at(EARLIER + 501), receiver.url)
            Inspector(http, tenant, report).settle(2 * PATIENCE_SECONDS)
            Inspector(http, tenant, report).inspect(by_call(receiver.received))

    assert [(answer.status_code, answer.json()) for answer in refusals] == [(503, REFUSED)] * REFUSALS
    assert read == [*[200] * 6, 503]
    assert a_second <= MAX_LINES_PER_SECOND
    assert report.complaints == []
    assert report.answered >= EARLIER + 2


def test_server_killed_on_a_full_disk_restarts_and_serves_reads(disk: SmallDisk) -> None:
    with a_server(disk.folder) as first:
        disk.use_up(first)
        first.kill()
    disk.use_up()

    with a_server(disk.folder) as again, again.client() as client:
        answer = client.get(f"{caller_ids_path()}.json")
        ready = client.get("/readyz")

    assert (answer.status_code, answer.json()["outgoing_caller_ids"], ready.status_code) == (200, [], 200)


def test_server_that_cannot_start_on_a_full_disk_exits_with_a_one_line_error(disk: SmallDisk) -> None:
    with a_server(disk.folder) as first:
        first.stop()
    disk.use_up()
    again = a_server(disk.folder)

    with pytest.raises(AssertionError):
        again.start()

    reason = f"ringback: cannot use the database {again.settings['database_url']}: database or disk is full"
    assert again.process is not None
    assert (again.process.returncode, [line["event"] for line in again.log]) == (1, [reason, "end of log"])

"""A second validation request for a number that is being called, with each `second_request` policy.

Rules: docs/fidelity.md, policy.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.servers.server import ServerProcess
from support.wire.api import SILENT_NUMBER, Api, error_of
from support.wire.calls import ended, fetch_call, request_call

pytestmark = pytest.mark.usefixtures("own_server_only")


@contextmanager
def server_with(folder: Path, second_request: str) -> Iterator[Api]:
    with ServerProcess(cwd=folder, second_request=second_request) as server, Api(server.base_url) as api:
        yield api


def test_second_request_for_a_number_is_refused_if_configured(tmp_path: Path) -> None:
    with server_with(tmp_path, "refuse") as api:
        sid = request_call(api, SILENT_NUMBER)
        refused = api.validate(SILENT_NUMBER)
        call = fetch_call(api, sid)

    error = error_of(refused)
    assert (error.status, error.code, error.message) == (400, 21450, "Phone number is already verified.")
    assert call["status"] in {"queued", "ringing"}


def test_both_calls_to_a_number_continue_if_configured(tmp_path: Path) -> None:
    with server_with(tmp_path, "both") as api:
        answers = [api.validate("+14158675309").json() for _ in range(2)]
        calls = [ended(api, answer["call_sid"]) for answer in answers]
        verified = api.list(PhoneNumber="+14158675309").json()["outgoing_caller_ids"]

    assert answers[0]["validation_code"] != answers[1]["validation_code"]
    assert [call["status"] for call in calls] == ["completed", "completed"]
    assert len(verified) == 1

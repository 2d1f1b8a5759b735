"""The validation call, which creates the caller ID only after the code is entered.

Rules: docs/fidelity.md, validation call.
"""

import time
from email.utils import parsedate_to_datetime

import pytest

from support.receivers.receiver import CallbackReceiver
from support.servers.server import ServerProcess, serve_with
from support.wire.api import SILENT_NUMBER, Api, draw_name, draw_number, eventually, records
from support.wire.calls import LONGEST_DELAY, fetch_call
from support.wire.rows import SeededAccounts

SWITCHBOARD_NUMBER = "+15105554444"
WITHOUT_POLLING = serve_with({"ringback.callback_delivery.sender.MAX_PAUSE_SECONDS": 3600.0})
"""Parameter of `contract_url`: a server whose callback sender does not poll, but waits for notifications."""


def test_caller_id_is_created_when_the_code_is_entered(api: Api, receiver: CallbackReceiver) -> None:
    number, name = draw_number(), draw_name()

    api.validate(number, FriendlyName=name, CallDelay=LONGEST_DELAY)
    before = api.find(number)
    request = api.validate(number, FriendlyName=name, CallDelay=1, StatusCallback=receiver.url).json()
    [callback] = receiver.wait_for(1)
    verified = api.fetch(callback.form["OutgoingCallerIdSid"]).json()

    assert before is None
    assert callback.form["CallSid"] == request["call_sid"]
    assert (verified["phone_number"], verified["friendly_name"]) == (number, name)
    assert verified["date_created"] == callback.form["Timestamp"]
    requested = parsedate_to_datetime(fetch_call(api, request["call_sid"])["date_created"])
    assert (parsedate_to_datetime(verified["date_created"]) - requested).total_seconds() >= 1


@pytest.mark.usefixtures("own_server_only")
def test_unanswered_call_creates_no_caller_id(
    tmp_path_factory: pytest.TempPathFactory, receiver: CallbackReceiver
) -> None:
    with (
        ServerProcess(cwd=tmp_path_factory.mktemp("unanswered"), ring_timeout_seconds=0.1) as server,
        Api(server.base_url) as api,
    ):
        call_sid = api.validate(SILENT_NUMBER, StatusCallback=receiver.url).json()["call_sid"]
        [callback] = receiver.wait_for(1)
        found = api.find(SILENT_NUMBER)

    assert (callback.form["CallSid"], callback.form["CallStatus"]) == (call_sid, "no-answer")
    assert found is None


def test_call_is_dialed_after_the_call_delay(api: Api, receiver: CallbackReceiver) -> None:
    posted = time.monotonic()
    api.validate(draw_number(), CallDelay=1, StatusCallback=receiver.url)

    receiver.wait_for(1)

    assert time.monotonic() - posted >= 1.0


def test_second_validation_request_ends_the_first_call_as_failed(api: Api, receiver: CallbackReceiver) -> None:
    number = draw_number()

    first = api.validate(number, CallDelay=LONGEST_DELAY, FriendlyName="first", StatusCallback=receiver.url).json()
    second = api.validate(number, FriendlyName="second", StatusCallback=receiver.url).json()

    calls = {callback.form["CallSid"]: callback.form for callback in receiver.wait_for(2)}
    assert first["call_sid"] != second["call_sid"]
    voided, made = calls[first["call_sid"]], calls[second["call_sid"]]
    assert (voided["CallStatus"], voided["VerificationStatus"]) == ("failed", "failed")
    assert (made["CallStatus"], made["VerificationStatus"]) == ("completed", "success")
    [row] = records(api.list(PhoneNumber=number))
    assert (row["sid"], row["friendly_name"]) == (made["OutgoingCallerIdSid"], "second")


@pytest.mark.usefixtures("own_server_only")
def test_superseded_ringing_call_fails_immediately(
    tmp_path_factory: pytest.TempPathFactory, receiver: CallbackReceiver
) -> None:
    with (
        ServerProcess(cwd=tmp_path_factory.mktemp("ringing"), command=WITHOUT_POLLING) as server,
        Api(server.base_url) as api,
    ):
        ringing = api.validate(SILENT_NUMBER, StatusCallback=receiver.url).json()["call_sid"]
        server.wait_for_log(lambda line: (line.get("call_sid"), line.get("status")) == (ringing, "ringing"))
        ended = api.end_a_call(receiver.url)
        server.wait_for_log(lambda line: (line.get("call_sid"), line.get("event")) == (ended, "callback"))
        assert api.find(SILENT_NUMBER) is None  # meanwhile the server becomes idle, except for the call

        api.validate(SILENT_NUMBER)

        [callback] = receiver.wait_for(1, where=lambda received: received.form["CallSid"] == ringing)
    assert (callback.form["CallStatus"], callback.form["VerificationStatus"]) == ("failed", "failed")


def test_phone_behind_a_switchboard_is_reached_by_its_extension(
    seeded: SeededAccounts, receiver: CallbackReceiver
) -> None:
    stranger = seeded.stranger
    for row in records(stranger.list(PhoneNumber=SWITCHBOARD_NUMBER)):
        stranger.delete(row)

    stranger.validate(SWITCHBOARD_NUMBER, Extension="w123", StatusCallback=receiver.url)

    [callback] = receiver.wait_for(1)
    assert callback.form["VerificationStatus"] == "success"
    stranger.delete(eventually(lambda: stranger.find(SWITCHBOARD_NUMBER)))


@pytest.mark.usefixtures("own_server_only")
def test_validation_code_is_an_integer_if_configured(tmp_path_factory: pytest.TempPathFactory) -> None:
    with (
        ServerProcess(cwd=tmp_path_factory.mktemp("integer"), validation_code_format="integer") as server,
        server.client() as client,
        Api(server.base_url) as api,
    ):
        codes = [client.post(f"{api.path}.json", data={"PhoneNumber": SILENT_NUMBER}).json() for _ in range(20)]
        in_xml = api.validate(SILENT_NUMBER, "").text

    assert all(type(code["validation_code"]) is int for code in codes)
    assert all(100_000 <= code["validation_code"] <= 999_999 for code in codes)
    assert "<ValidationCode>" in in_xml

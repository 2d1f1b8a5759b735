"""Twilio's library for Node, newest version, with the code of docs/clients/node.md."""

import pytest

from support.clients.node import run_script
from support.receivers.receiver import CallbackReceiver
from support.servers.server import ACCOUNT_SID, ServerProcess, caller_ids_path

pytestmark = pytest.mark.node

NUMBER = "+14158675303"
NOBODY = "PN" + "0" * 32


def test_caller_id_is_verified_fetched_updated_and_deleted(
    quick_server: ServerProcess, receiver: CallbackReceiver
) -> None:
    result = run_script("operations", quick_server.base_url, phoneNumber=NUMBER, statusCallback=f"{receiver.url}/node")

    [callback] = receiver.wait_for(1)
    request = result["request"]
    assert (request["accountSid"], request["phoneNumber"]) == (ACCOUNT_SID, NUMBER)
    assert request["friendlyName"] == "Front desk"
    assert len(request["validationCode"]) == 6
    assert callback.form["CallSid"] == request["callSid"]
    assert callback.form["OutgoingCallerIdSid"] == result["found"]
    assert result["fetched"]["sid"] == result["found"]
    assert result["fetched"]["friendlyName"] == "Front desk"
    assert result["fetched"]["isDated"] is True
    assert result["updated"] == "Back office"
    assert result["filtered"] == [result["found"]]
    assert result["deleted"] is True
    assert result["afterDeletion"] == {"status": 404, "code": 20404}


def test_pages_are_followed_to_the_end_and_back(full_server: ServerProcess) -> None:
    newest_first = [f"number {position}" for position in reversed(range(120))]

    walked = run_script("paging", full_server.base_url)

    assert walked["streamed"] == newest_first
    assert walked["listed"] == newest_first[:60]
    assert walked["limited"] == newest_first[:7]
    assert walked["pages"] == [newest_first[:50], newest_first[50:100], newest_first[100:]]
    assert walked["back"] == newest_first[50:100]
    assert walked["ends"] == [None, None]


def test_errors_are_raised_as_the_librarys_exceptions(quick_server: ServerProcess) -> None:
    missing = f"The requested resource {caller_ids_path()}/{NOBODY}.json was not found"

    thrown = run_script("errors", quick_server.base_url)

    assert thrown["fetch"] == rest_exception(404, 20404, missing)
    assert thrown["update"] == rest_exception(404, 20404, missing)
    assert thrown["create"] == rest_exception(400, 21211, "The phone number 12 is not a valid phone number")
    assert thrown["stranger"] == rest_exception(401, 20003, "Authenticate")


def rest_exception(status: int, code: int, message: str) -> dict[str, object]:
    return {
        "isRestException": True,
        "status": status,
        "code": code,
        "message": message,
        "moreInfo": f"https://www.twilio.com/docs/errors/{code}",
    }

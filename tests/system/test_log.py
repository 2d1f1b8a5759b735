"""The JSON log: one line for each request, call and delivery, and no secrets."""

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
import structlog

from ringback.server.logging_config import configure_logs, flush_logs
from support.receivers.receiver import Answer, CallbackReceiver, Received
from support.servers.server import ACCOUNT_SID, AUTH_TOKEN, ServerProcess, caller_ids_path

KEY_SID, KEY_SECRET = "SK" + "4" * 32, "secret-of-the-api-key"
CONTROL_TOKEN = "token-of-the-control-api"
PASSWORD, QUERY_SECRET, GUESS = "password-of-the-callback", "secret-in-the-query", "guessed-password"
SEED = f"""
[[accounts]]
sid = "{ACCOUNT_SID}"
  [[accounts.api_keys]]
  sid = "{KEY_SID}"
  secret = "{KEY_SECRET}"
"""


def refuse(_: Received) -> Answer:
    return Answer(status=500, body=b"no")


def test_debug_log_of_all_operations_contains_no_secret(tmp_path: Path) -> None:
    (tmp_path / "seed.toml").write_text(SEED, encoding="utf-8")
    codes = []
    settings: dict[str, Any] = {"seed": tmp_path / "seed.toml", "control_token": CONTROL_TOKEN, "log_level": "debug"}

    with CallbackReceiver(refuse) as receiver, ServerProcess(ring_seconds=0, key_seconds=0, **settings) as server:
        callback = receiver.url.replace("http://", f"http://user:{PASSWORD}@") + f"/done?key={QUERY_SECRET}#rc=1&rp=all"
        with server.client() as client, server.client(KEY_SID, KEY_SECRET) as by_key:
            for asking, number in ((client, "+14158675320"), (by_key, "+15005550011"), (client, "+15005550016")):
                form = {"PhoneNumber": number, "StatusCallback": callback}
                created = asking.post(f"{caller_ids_path()}.json", params={"Token": QUERY_SECRET}, data=form)
                codes.append(created.json()["validation_code"])
            receiver.wait_for(6)
            client.get(f"{caller_ids_path()}.json", params={"PageToken": "PA"})
        with server.client(ACCOUNT_SID, GUESS) as stranger:
            stranger.get(f"{caller_ids_path()}.json")
        server.wait_for_log(lambda line: line.get("code") == 20003)
        failed = server.wait_for_log(lambda line: line.get("outcome") == "failed")
        signatures = [received.headers["X-Twilio-Signature"] for received in receiver.received]

    log = json.dumps(server.log)
    assert failed["status_code"] == 500
    for secret in (AUTH_TOKEN, KEY_SECRET, CONTROL_TOKEN, PASSWORD, QUERY_SECRET, GUESS, *signatures):
        assert secret not in log
    for code in codes:  # six digits can also occur in a SID or after a decimal point
        assert not re.search(rf"(?<![0-9A-Fa-f.]){code}(?![0-9A-Fa-f])", log)


def test_request_call_and_delivery_are_each_logged_as_a_json_line(receiver: CallbackReceiver) -> None:
    with ServerProcess(ring_seconds=0, key_seconds=0) as server, server.client() as client:
        form = {"PhoneNumber": "+14158675321", "StatusCallback": f"{receiver.url}/done"}
        created = client.post(f"{caller_ids_path()}.json", data=form)
        missing = client.get(f"{caller_ids_path()}/PN{'0' * 32}")
        server.wait_for_log(lambda line: line.get("event") == "callback")
        server.wait_for_log(lambda line: line.get("status") == 404)

    requests = [line for line in server.log if line["event"] == "request"]
    call_sid = created.json()["call_sid"]
    assert [line["request_id"] for line in requests] == [
        answer.headers["Twilio-Request-Id"] for answer in (created, missing)
    ]
    assert [(line["method"], line["status"], line["code"]) for line in requests] == [
        ("POST", 200, None),
        ("GET", 404, 20404),
    ]
    assert requests[0]["operation"] == "create-validation-request"
    assert requests[1]["path"] == f"{caller_ids_path()}/PN{'0' * 32}"
    moves = [line["moved_by"] for line in server.log if line["event"] == "call" and line["call_sid"] == call_sid]
    assert moves == ["dial", "answer", "digits"]
    [delivery] = [line for line in server.log if line["event"] == "callback"]
    assert (delivery["call_sid"], delivery["outcome"], delivery["status_code"]) == (call_sid, "delivered", 204)
    assert all({"timestamp", "level"} <= set(line) for line in server.log if line["event"] != "end of log")


@pytest.mark.usefixtures("command")
def test_text_log_format_is_used_if_configured(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("text", "info")
    structlog.get_logger().info("request", status=200)
    structlog.get_logger().debug("nothing of this")

    flush_logs(30)
    logged = capsys.readouterr().err.rstrip()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[0-9:.]+Z \[info +\] request +status=200", logged)


@pytest.mark.usefixtures("command")
def test_library_warning_is_logged_as_a_json_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("json", "info")
    logging.getLogger("some.library").warning("careful: %s", "thin ice")
    logging.getLogger("some.library").info("nothing of this")

    flush_logs(30)
    [line] = capsys.readouterr().err.splitlines()
    logged = json.loads(line)
    assert (logged["event"], logged["level"]) == ("careful: thin ice", "warning")


def test_log_lines_of_a_call_have_its_sid_from_the_request_on(
    quick_server: ServerProcess, receiver: CallbackReceiver
) -> None:
    with quick_server.client() as client:
        account = client.post("/_ringback/accounts").json()
        clock = f"/_ringback/accounts/{account['sid']}/clock"
        client.put(clock, json={"mode": "frozen"})  # the call must not advance before the request's line is written
        form = {"PhoneNumber": "+14158675341", "StatusCallback": receiver.url}
        path = f"{caller_ids_path(account['sid'])}.json"
        answer = client.post(path, data=form, auth=(account["sid"], account["auth_token"]))
        client.post(f"{clock}/advance", json={"seconds": 60})
    sid = answer.json()["call_sid"]

    quick_server.wait_for_log(lambda line: line["event"] == "callback" and line["call_sid"] == sid)

    lines = [line for line in quick_server.log if line.get("call_sid") == sid]
    assert [line["event"] for line in lines] == ["request", "call", "call", "call", "callback"]
    assert lines[0]["request_id"] == answer.headers["Twilio-Request-Id"]

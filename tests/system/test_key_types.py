"""Twilio's libraries with keys of each type, the permissions that sessions in the docs need, and default tokens."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from twilio.base.exceptions import TwilioException, TwilioRestException  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]

from ringback.testing import connect
from ringback.testing.models import ApiKey
from support.clients.node import run_script
from support.clients.programs import run_alone
from support.code_blocks import docs_page, readme_block
from support.servers.server import ACCOUNT_SID, AUTH_TOKEN, ServerProcess

pytestmark = pytest.mark.usefixtures("direct")

LIST_PERMISSION = "twilio/voice/outgoing-caller-ids/list"
OPEN: dict[str, object] = {"status": 200}
AUTHENTICATE: dict[str, object] = {"status": 401, "code": 20003, "message": "Authenticate"}
FORGET_TO_WAIT = "sleep() { :; }"
"""Shell function that disables `sleep 5` in the session, whose requests do not depend on the end of the call."""
STRICT_APPLICATION = """
import os, re, sys

from twilio.rest import Client

account_sid, auth_token, key, secret, base_url = (os.environ[f"APP_{name}"] for name in
    ("ACCOUNT_SID", "AUTH_TOKEN", "KEY", "SECRET", "BASE_URL"))
if not re.fullmatch("[0-9a-f]{32}", auth_token):
    print("not started: the auth token is not 32 hexadecimal digits"); sys.exit()
if not re.fullmatch("[A-Za-z0-9]{32}", secret):
    print("not started: the secret is not 32 letters and digits"); sys.exit()
for username, password in ((account_sid, auth_token), (key, secret)):
    client = Client(username, password, account_sid)
    client.api.base_url = base_url
    print("started,", len(client.outgoing_caller_ids.list()), "caller IDs")
"""
"""An application that checks the format of its secrets before it starts."""


def missing(permission: str) -> dict[str, object]:
    return {
        "status": 401,
        "code": 70051,
        "message": f"Authorization Error: required permission {permission} is missing",
    }


OPENED = {
    "standard": {"callerIds": OPEN, "calls": OPEN, "account": AUTHENTICATE},
    "main": {"callerIds": OPEN, "calls": OPEN, "account": OPEN},
    "restricted": {
        "callerIds": OPEN,
        "calls": missing("twilio/voice/calls/list"),
        "account": missing("twilio/iam/accounts/read"),
    },
}
"""The expected access with each type of key. The restricted key may only list caller IDs."""


@pytest.fixture
def keys(quick_server: ServerProcess) -> list[ApiKey]:
    """Create a key of each type."""
    with connect(quick_server.base_url) as connection:
        account = connection.existing_account(ACCOUNT_SID)
        return [account.api_key(), account.api_key("main"), account.api_key("restricted", [LIST_PERMISSION])]


def outcome(request: Callable[[], object]) -> dict[str, object]:
    try:
        request()
    except TwilioRestException as error:
        message = error.msg.partition(": ")[2]  # the library puts the failed operation before the message
        return {"status": error.status, "code": error.code, "message": message}
    except TwilioException as error:  # an exception raised by a list contains the response
        document = json.loads(error.args[1].text)
        return {name: document[name] for name in ("status", "code", "message")}
    return OPEN


def python_client(base_url: str, username: str, password: str, account_sid: str | None = None) -> Client:
    client = Client(username, password, account_sid)
    client.api.base_url = base_url
    return client


def test_python_library_has_the_access_of_its_key_type(quick_server: ServerProcess, keys: list[ApiKey]) -> None:
    for key in keys:
        client = python_client(quick_server.base_url, key.sid, key.secret, ACCOUNT_SID)
        opened = {
            "callerIds": outcome(client.outgoing_caller_ids.list),
            "calls": outcome(client.calls.list),
            "account": outcome(client.api.v2010.accounts(ACCOUNT_SID).fetch),
        }
        client.http_client.session.close()

        assert opened == OPENED[key.type]


@pytest.mark.node
def test_node_library_has_the_access_of_its_key_type(quick_server: ServerProcess, keys: list[ApiKey]) -> None:
    base_url = quick_server.base_url
    given = [{"sid": key.sid, "secret": key.secret} for key in keys]

    opened = run_script("keys", base_url, baseUrl=base_url, accountSid=ACCOUNT_SID, keys=given)

    assert opened == [OPENED[key.type] for key in keys]


def test_python_client_with_a_key_but_no_account_sid_requests_an_invalid_account(
    quick_server: ServerProcess, keys: list[ApiKey]
) -> None:
    key = keys[0]
    client = python_client(quick_server.base_url, key.sid, key.secret)

    refusal = outcome(client.outgoing_caller_ids.list)

    client.http_client.session.close()
    assert refusal == {"status": 400, "code": 90002, "message": f"AccountSid {key.sid} is invalid"}


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_permissions_used_by_the_readme_session_suffice_for_a_key(tmp_path: Path) -> None:
    with ServerProcess(ring_seconds=0, key_seconds=0) as server:
        session = readme_block("base-url-session", base_url=server.base_url)
        run_alone(["sh", "-euc", f"{FORGET_TO_WAIT}\n{session}"], tmp_path)
        with connect(server.base_url) as connection:
            account = connection.existing_account(ACCOUNT_SID)
            permissions = account.permissions_used()
            key = account.api_key("restricted", permissions)
            client = python_client(server.base_url, key.sid, key.secret, ACCOUNT_SID)
            client.validation_requests.create(phone_number="+14158675311")
            client.outgoing_caller_ids.list()
            client.http_client.session.close()

    assert permissions == ["twilio/voice/outgoing-caller-ids/create", LIST_PERMISSION]


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_api_keys_page_sessions_show_missing_and_used_permissions(tmp_path: Path) -> None:
    with ServerProcess() as server:
        session = readme_block("key-session", page=docs_page("api-keys"), base_url=server.base_url)
        [message] = run_alone(["sh", "-euc", session], tmp_path).splitlines()
        question = readme_block("permissions-session", page=docs_page("api-keys"), base_url=server.base_url)
        [used] = run_alone(["sh", "-euc", question], tmp_path).splitlines()

    assert f"# {message}" == session.splitlines()[-1]
    assert json.loads(used) == {"permissions": [LIST_PERMISSION]}


def started(server: ServerProcess, folder: Path, key: ApiKey, auth_token: str) -> list[str]:
    """Run the strict application with these secrets, and return its output."""
    variables = {
        "APP_ACCOUNT_SID": key.account_sid,
        "APP_AUTH_TOKEN": auth_token,
        "APP_KEY": key.sid,
        "APP_SECRET": key.secret,
        "APP_BASE_URL": server.base_url,
    }
    return run_alone([sys.executable, "-c", STRICT_APPLICATION], folder, variables).splitlines()


@pytest.mark.slow
def test_application_that_requires_a_hexadecimal_token_starts(
    quick_server: ServerProcess, keys: list[ApiKey], tmp_path: Path
) -> None:
    with connect(quick_server.base_url) as connection:
        throw_away = connection.account()
        other_key = throw_away.api_key()

    initial = started(quick_server, tmp_path, keys[0], AUTH_TOKEN)
    created = started(quick_server, tmp_path, other_key, throw_away.auth_token)
    refused = started(quick_server, tmp_path, keys[0], "ringback" * 4)

    assert [line.split(",")[0] for line in initial + created] == ["started"] * 4
    assert refused == ["not started: the auth token is not 32 hexadecimal digits"]


def test_account_in_an_existing_database_keeps_its_token_unless_one_is_configured(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ringback.db'}"
    old_token = "ringback" * 4
    with ServerProcess(database_url=url, auth_token=old_token):
        pass

    with ServerProcess(database_url=url) as server:
        kept = [status_of(server, token) for token in (old_token, AUTH_TOKEN)]
        with connect(server.base_url) as connection:
            connection.reset()
        kept_after_reset = [status_of(server, token) for token in (old_token, AUTH_TOKEN)]
        line = server.wait_for_log(lambda line: line["event"] == "account keeps its auth token")
    with ServerProcess(database_url=url, auth_token=AUTH_TOKEN) as server:
        replaced = [status_of(server, token) for token in (old_token, AUTH_TOKEN)]

    assert (kept, kept_after_reset, replaced) == ([200, 401], [200, 401], [401, 200])
    assert (line["account_sid"], line["hint"]) == (ACCOUNT_SID, "set auth_token to replace it")
    assert old_token not in str(server.log)


def status_of(server: ServerProcess, auth_token: str) -> int:
    with server.client(password=auth_token) as client:
        return client.get(f"/2010-04-01/Accounts/{ACCOUNT_SID}.json").status_code

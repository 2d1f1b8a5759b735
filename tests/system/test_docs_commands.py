"""Runs the commands of README and docs, and checks their output."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ringback.config.settings import ENVIRONMENT_PREFIX, Settings
from support.code_blocks import PAGES, README, ROOT, block_names, client_page, docs_page, readme_block
from support.receivers.receiver import CallbackReceiver
from support.servers.server import ACCOUNT_SID, AUTH_TOKEN, ServerProcess, caller_ids_path
from support.waiting import PROGRAM_SECONDS

NUMBER = "+14158675309"
"""The number that the quick start verifies."""
ASYNC_NUMBER = "+14158675310"
"""The number that the asynchronous program verifies."""
RUN = {
    "README.md": ["start", "pytest-session", "intercept-start", "intercept-session", "base-url-session"],
    "docs/quick-start.md": ["start", "curl-session", "quick-start", "image-build", "compose-file"],
    "docs/testing.md": [
        "pytest-outcomes",
        "pytest-more",
        "pytest-settings",
        "pytest-async",
        "container-calls",
        "pytest-container",
    ],
    "docs/settings.md": ["seed-file"],
    "docs/control-api.md": ["control-session", "oauth-session"],
    "docs/callbacks.md": ["python-validate", "shared-key-session", "inbox-session"],
    "docs/interception.md": ["interception-start", "interception-session", "compose-by-name"],
    "docs/faults.md": ["faults-session"],
    "docs/policy.md": ["policy-session"],
    "docs/accounts.md": ["accounts-session"],
    "docs/api-keys.md": ["key-session", "permissions-session"],
    "docs/postgresql.md": ["grants"],
    "docs/docker.md": ["compose-session", "compose-settings", "compose-override", "run-session", "replicas-session"],
    "examples/compose/README.md": ["compose-session", "host-session"],
}
"""Blocks that are run here or in a module named after the page. test_client_pages.py has those about clients, and
tests/containers those that need Docker."""
SETTING_ROW = re.compile(r"^\| `(?P<name>\w+)` \| `(?P<variable>RINGBACK_\w+)` \| (?P<default>.+?) \|", re.MULTILINE)


@pytest.fixture
def empty_server(quick_server: ServerProcess) -> ServerProcess:
    """Return the shared server after deleting the caller IDs that the pages create: other tests may create them too."""
    with quick_server.client() as client:
        for number in (NUMBER, ASYNC_NUMBER):
            listed = client.get(f"{caller_ids_path()}.json", params={"PhoneNumber": number}).json()
            for caller_id in listed["outgoing_caller_ids"]:
                client.delete(caller_id["uri"]).raise_for_status()
    return quick_server


def run(command: list[str], folder: Path) -> str:
    """Run a command and return its output. It must not write to standard error."""
    finished = subprocess.run(  # noqa: S603
        command,
        cwd=folder,
        env={**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=PROGRAM_SECONDS,
    )
    assert (finished.returncode, finished.stderr) == (0, ""), finished.stderr
    return finished.stdout


def json_documents(text: str) -> list[Any]:
    """Parse a text that consists of several JSON documents without separators."""
    documents, decoder, text = [], json.JSONDecoder(), text.strip()
    while text:
        document, end = decoder.raw_decode(text)
        documents.append(document)
        text = text[end:].lstrip()
    return documents


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def test_marked_blocks_are_run_in_the_order_of_their_page() -> None:
    marked = {str(page.relative_to(ROOT)): block_names(page) for page in PAGES if page.parent.name != "clients"}

    assert {page: names for page, names in marked.items() if names} == RUN


@pytest.mark.parametrize("page", [README, docs_page("quick-start")], ids=lambda page: page.stem)
def test_make_serve_starts_the_server(page: Path) -> None:
    [line] = readme_block("start", page=page).splitlines()
    name, *target = line.split()

    planned = run([program(name), "--dry-run", "--no-print-directory", *target], ROOT)

    assert planned.splitlines()[-1] == ".venv/bin/ringback serve"


def test_quick_start_session_verifies_a_number(empty_server: ServerProcess, tmp_path: Path) -> None:
    program("curl")
    session = readme_block("curl-session", page=docs_page("quick-start"), base_url=empty_server.base_url)
    assert "\nsleep 5\n" in session

    printed = run([program("sh"), "-euc", session.replace("\nsleep 5\n", "\nsleep 1\n")], tmp_path)

    request, listed = (json.loads(line) for line in printed.splitlines())
    assert (request["phone_number"], request["friendly_name"]) == (NUMBER, "My Home Phone Number")
    assert re.fullmatch(r"\d{6}", request["validation_code"])
    found = [entry for entry in listed["outgoing_caller_ids"] if entry["phone_number"] == NUMBER]
    assert [entry["friendly_name"] for entry in found] == ["My Home Phone Number"]


def test_shared_key_session_sets_shows_and_deletes_the_key(quick_server: ServerProcess, tmp_path: Path) -> None:
    program("curl")
    session = readme_block("shared-key-session", page=docs_page("callbacks"), base_url=quick_server.base_url)
    session = session.replace("curl --fail", "curl -sS --fail").replace("$ACCOUNT_SID", ACCOUNT_SID)

    printed = run([program("sh"), "-euc", session], tmp_path)

    key = {"key_sid": "webhooks_sharedkey_1", "secret": "any-secret", "algorithm": "HMAC_SHA256"}
    assert json_documents(printed) == [key, key]
    with quick_server.client() as client:
        assert client.get(f"/_ringback/accounts/{ACCOUNT_SID}/webhook-signing").status_code == 404


def test_control_api_session_shows_a_busy_line_without_waiting(empty_server: ServerProcess, tmp_path: Path) -> None:
    program("curl")
    session = readme_block("control-session", page=docs_page("control-api"), base_url=empty_server.base_url)

    printed = run([program("sh"), "-euc", session], tmp_path)

    script, request, clock, events, calls = (json.loads(line) for line in printed.splitlines())
    assert [entry["behavior"] for entry in script["script"]] == ["busy", "enter-code"]
    assert clock["mode"] == "running"
    [ended], [call] = events["events"], calls["calls"]
    assert (ended["call_sid"], ended["data"]["status"]) == (request["call_sid"], "busy")
    assert (call["status"], call["validation_code"]) == ("busy", request["validation_code"])


def test_oauth_session_lists_the_caller_ids(empty_server: ServerProcess, tmp_path: Path) -> None:
    program("curl")
    session = readme_block("oauth-session", page=docs_page("control-api"), base_url=empty_server.base_url)

    printed = run([program("sh"), "-euc", f"AC={ACCOUNT_SID}\n{session}"], tmp_path)

    assert "outgoing_caller_ids" in json.loads(printed)


def test_inbox_session_shows_a_valid_signature(tmp_path: Path) -> None:
    program("curl")
    with ServerProcess(ring_seconds=0.02, key_seconds=0.02) as server:
        session = readme_block("inbox-session", page=docs_page("callbacks"), base_url=server.base_url)
        printed = run([program("sh"), "-euc", session], tmp_path)

    request, events, messages, inboxes = json_documents(printed)
    [event], [message] = events["events"], messages["messages"]
    assert (event["type"], event["call_sid"]) == ("callback.delivered", request["call_sid"])
    assert dict(message["parameters"])["VerificationStatus"] == "success"
    assert message["signature"]["is_valid"]
    assert [(inbox["name"], inbox["messages"]) for inbox in inboxes["inboxes"]] == [("callbacks", 1)]


def test_asynchronous_program_verifies_a_number(empty_server: ServerProcess, tmp_path: Path) -> None:
    source = readme_block("python-async-client", page=client_page("python"), base_url=empty_server.base_url)

    printed = run([sys.executable, "-c", source], tmp_path)

    called, verified = printed.splitlines()
    assert re.fullmatch(rf"calling {re.escape(ASYNC_NUMBER)}, the code is \d{{6}}", called)
    assert re.fullmatch(rf"verified {re.escape(ASYNC_NUMBER)}: PN[0-9a-f]{{32}}", verified)


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_validator_accepts_a_received_callback(
    quick_server: ServerProcess, receiver: CallbackReceiver, method: str
) -> None:
    form = {
        "PhoneNumber": "+15005550014",
        "StatusCallback": f"{receiver.url}/done?from=a%20test",
        "StatusCallbackMethod": method,
    }
    with quick_server.client() as client:
        client.post(f"{caller_ids_path()}.json", data=form).raise_for_status()
    [callback] = receiver.wait_for(1)

    is_from_twilio = names_of("python-validate", docs_page("callbacks"), quick_server.base_url)["is_from_twilio"]

    url, signature = receiver.url + callback.target, callback.headers["X-Twilio-Signature"]
    assert is_from_twilio(url, callback.form, signature)
    assert not is_from_twilio(url, {**callback.form, "CallStatus": "completed"}, signature)


def names_of(block: str, page: Path, base_url: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(readme_block(block, page=page, base_url=base_url), names)  # noqa: S102
    return names


def test_seed_file_creates_the_resources_in_its_comments(tmp_path: Path) -> None:
    (tmp_path / "seed.toml").write_text(readme_block("seed-file", page=docs_page("settings")), encoding="utf-8")
    subaccount = ACCOUNT_SID[:-1] + "2"
    key = ("SK00000000000000000000000000000001", "any-secret-of-up-to-64-characters")
    restricted_key = ("SK00000000000000000000000000000002", "another-secret")

    with ServerProcess(seed=tmp_path / "seed.toml") as server:
        with server.client(*key) as by_key:
            listed = by_key.get(f"{caller_ids_path()}.json").json()["outgoing_caller_ids"]
            account_by_key = by_key.get(f"/2010-04-01/Accounts/{ACCOUNT_SID}.json").status_code
        with server.client(*restricted_key) as by_restricted_key:
            answers = [
                by_restricted_key.get(f"/2010-04-01/Accounts/{ACCOUNT_SID}{path}.json").status_code
                for path in ("/OutgoingCallerIds", "/Calls")
            ]
        statuses = {}
        for who, password in ((ACCOUNT_SID, AUTH_TOKEN), (subaccount, "another-token")):
            with server.client(who, password) as client:
                statuses[who] = [
                    client.get(f"{caller_ids_path(of)}.json").status_code for of in (ACCOUNT_SID, subaccount)
                ]

    assert {entry["phone_number"]: entry["friendly_name"] for entry in listed} == {
        "+15105555555": "Front desk",
        "+442079460000": "+442079460000",
    }
    assert listed[-1]["date_created"] == "Tue, 27 Jul 2010 20:21:11 +0000"
    assert (account_by_key, answers) == (401, [200, 401])
    assert statuses == {ACCOUNT_SID: [200, 200], subaccount: [401, 200]}


def test_settings_table_lists_every_setting_with_its_variable_and_default() -> None:
    table = {row["name"]: row for row in SETTING_ROW.finditer(docs_page("settings").read_text(encoding="utf-8"))}

    assert list(table) == list(Settings.model_fields)
    for name, field in Settings.model_fields.items():
        assert table[name]["variable"] == f"{ENVIRONMENT_PREFIX}{name.upper()}"
        if field.default not in (None, (), {}):
            shown = f"{field.default:g}" if isinstance(field.default, float) else str(field.default)
            shown = shown.lower() if isinstance(field.default, bool) else shown
            assert table[name]["default"] == f"`{shown}`"

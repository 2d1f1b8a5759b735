"""``/metrics`` of a running server after all operations on a caller ID."""

import re

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from support.code_blocks import docs_page
from support.receivers.receiver import CallbackReceiver
from support.servers.server import ServerProcess, caller_ids_path
from support.waiting import PATIENCE_SECONDS

NUMBER = "+12125551234"
STRANGER = "a-token-in-the-wrong-place"


@pytest.fixture
def server() -> ServerProcess:
    return ServerProcess(ring_seconds=0.02, key_seconds=0.02)


def run_all_operations(server: ServerProcess, receiver: CallbackReceiver) -> dict[str, str]:
    """Verify, rename and delete a number, then fetch it again, also with wrong credentials. Return the account."""
    with httpx.Client(base_url=server.base_url, timeout=PATIENCE_SECONDS, trust_env=False) as client:
        account: dict[str, str] = client.post("/_ringback/accounts").json()
        auth, path = (account["sid"], account["auth_token"]), caller_ids_path(account["sid"])
        asked = {"PhoneNumber": NUMBER, "StatusCallback": f"{receiver.url}/done"}
        call_sid = client.post(f"{path}.json", data=asked, auth=auth).json()["call_sid"]
        waited_for = {"type": "callback.delivered", "call_sid": call_sid}
        client.get(f"/_ringback/accounts/{account['sid']}/events", params=waited_for)
        [caller_id] = client.get(f"{path}.json", auth=auth).json()["outgoing_caller_ids"]
        itself = f"{path}/{caller_id['sid']}.json"
        client.post(itself, data={"FriendlyName": "Home"}, auth=auth)
        client.delete(itself, auth=auth)
        statuses = [
            client.get(itself, auth=auth).status_code,
            client.get(itself, auth=(account["sid"], STRANGER)).status_code,
            client.get(f"/{STRANGER}/{account['sid']}", auth=auth).status_code,
        ]
    assert statuses == [404, 401, 404]
    return account


def test_metrics_count_all_operations_and_contain_no_identifier(
    server: ServerProcess, receiver: CallbackReceiver
) -> None:
    with server:
        account = run_all_operations(server, receiver)
        text = httpx.get(f"{server.base_url}/metrics", trust_env=False, timeout=PATIENCE_SECONDS).text

    found = {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    requests = {key[1:]: value for key, value in found.items() if key[0] == "ringback_requests_total"}
    assert requests == {
        ("POST", "create-validation-request", "200"): 1,
        ("GET", "list-outgoing-caller-ids", "200"): 1,
        ("POST", "update-outgoing-caller-id", "200"): 1,
        ("DELETE", "delete-outgoing-caller-id", "204"): 1,
        ("GET", "fetch-outgoing-caller-id", "404"): 1,
        ("GET", "none", "401"): 1,
        ("GET", "none", "404"): 1,
    }
    assert found["ringback_calls_total", "completed", "success"] == 1
    assert found["ringback_callbacks_total", "delivered"] == 1
    assert found["ringback_callback_lag_seconds_count",] == 1
    assert found["ringback_callback_attempt_duration_seconds_count", "2xx"] == 1
    assert (found["ringback_calls_due",], found["ringback_callbacks_pending",]) == (0, 0)
    assert 0 <= found["ringback_runner_last_poll_age_seconds",] <= found["ringback_uptime_seconds",]
    secrets = (account["sid"], account["auth_token"], NUMBER, STRANGER, receiver.url, "2010-04-01")
    assert [secret for secret in secrets if secret in text] == []
    assert re.findall(r"\b[A-Z]{2}[0-9a-f]{32}\b", text) == []


def test_operations_page_lists_every_metric_with_its_labels(server: ServerProcess, receiver: CallbackReceiver) -> None:
    with server:
        run_all_operations(server, receiver)
        text = httpx.get(f"{server.base_url}/metrics", trust_env=False, timeout=PATIENCE_SECONDS).text
    rows = re.findall(
        r"^\| ((?:`ringback_\w+`(?:, )?)+) \| ([^|]*)\|", docs_page("operations").read_text(), re.MULTILINE
    )
    documented = {name: set(re.findall(r"\w+", labels)) for names, labels in rows for name in re.findall(r"\w+", names)}

    served = {
        family.name + ("_total" if family.type == "counter" else ""): {
            label for sample in family.samples for label in sample.labels if label != "le"
        }
        for family in text_string_to_metric_families(text)
        if family.name.startswith("ringback_")
    }

    assert served.keys() == documented.keys()
    assert {name: labels for name, labels in served.items() if not labels <= documented[name]} == {}

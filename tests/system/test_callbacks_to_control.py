"""StatusCallbacks that are sent to a server's control API: they must not change the server's state."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from support.receivers.receiver import Answer, CallbackReceiver
from support.servers.server import ACCOUNT_SID, AUTH_TOKEN, ServerProcess
from support.waiting import PATIENCE_SECONDS

HANGS_UP = "+15005550013"
MAPPED = "app.test"
REFUSAL = "a StatusCallback cannot use the control API"


@dataclass
class Target:
    """A server whose state a callback tries to erase, and the server that sends the callback."""

    sender: httpx.Client
    target: httpx.Client

    @property
    def reset_url(self) -> str:
        return f"{self.target.base_url}/_ringback/reset".replace("//_", "/_")

    def send_callback_to(self, url: str, method: str = "POST") -> dict[str, Any]:
        """Send a callback to `url` with the default credentials, and return the attempt."""
        kept = self.target.post("/_ringback/accounts").json()["sid"]
        answer = self.sender.post(
            f"/2010-04-01/Accounts/{ACCOUNT_SID}/OutgoingCallerIds.json",
            data={"PhoneNumber": HANGS_UP, "StatusCallback": url, "StatusCallbackMethod": method},
            auth=(ACCOUNT_SID, AUTH_TOKEN),
        )
        control = f"/_ringback/accounts/{ACCOUNT_SID}"
        waited_for = {"type": "callback.failed", "call_sid": answer.json()["call_sid"], "wait_seconds": 30}
        [_] = self.sender.get(f"{control}/events", params=waited_for).json()["events"]
        journal = self.sender.get(f"{control}/calls/{answer.json()['call_sid']}/callbacks").json()
        assert self.target.get(f"/_ringback/accounts/{kept}").status_code == 200
        [attempt] = journal["callbacks"]
        return dict(attempt)


def client(server: ServerProcess) -> httpx.Client:
    return httpx.Client(base_url=server.base_url, timeout=PATIENCE_SECONDS, trust_env=False)


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[ServerProcess, ServerProcess]]:
    timing: dict[str, Any] = {"ring_seconds": 0.02, "key_seconds": 0.02}
    with (
        ServerProcess(**timing, callback_host_map=f"{MAPPED}=127.0.0.1") as one,
        ServerProcess(**timing) as other,
    ):
        yield one, other


@pytest.fixture(params=["its own", "another server's"])
def target(request: pytest.FixtureRequest, servers: tuple[ServerProcess, ServerProcess]) -> Iterator[Target]:
    one, other = servers
    with client(one) as sender, client(one if request.param == "its own" else other) as reached:
        yield Target(sender, reached)


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_callback_to_the_control_api_deletes_nothing(target: Target, method: str) -> None:
    attempt = target.send_callback_to(target.reset_url, method)

    assert attempt["answer"]["status_code"] == 403
    assert REFUSAL in attempt["answer"]["body"]


@pytest.mark.parametrize("status", [302, 307])
def test_callback_that_is_redirected_to_the_control_api_deletes_nothing(target: Target, status: int) -> None:
    with CallbackReceiver(lambda _: Answer(status, {"Location": target.reset_url})) as receiver:
        attempt = target.send_callback_to(receiver.url)

    assert [hop["status_code"] for hop in attempt["hops"]] == [status, 403]


def test_callback_to_the_control_api_through_the_host_map_deletes_nothing(target: Target) -> None:
    attempt = target.send_callback_to(target.reset_url.replace("127.0.0.1", MAPPED))

    assert attempt["url"].startswith(f"http://{MAPPED}:")
    assert attempt["answer"]["status_code"] == 403


def test_callback_with_the_control_token_in_its_url_deletes_nothing(target: Target) -> None:
    attempt = target.send_callback_to(target.reset_url.replace("http://", "http://user:token@"))

    assert attempt["answer"]["status_code"] == 403


def test_page_of_another_origin_can_call_the_twilio_api_but_not_the_control_api(target: Target) -> None:
    page = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}

    twilio = target.target.get(
        f"/2010-04-01/Accounts/{ACCOUNT_SID}/OutgoingCallerIds.json", headers=page, auth=(ACCOUNT_SID, AUTH_TOKEN)
    )
    control = target.target.post("/_ringback/reset", headers={**page, "Content-Type": "text/plain"}, content=b"x")

    assert (twilio.status_code, twilio.headers["access-control-allow-origin"]) == (200, "*")
    assert (control.status_code, "access-control-allow-origin" in control.headers) == (403, False)

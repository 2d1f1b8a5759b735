"""An application behind a proxy that terminates TLS: it knows only its https URL, and listens on plain HTTP."""

from collections.abc import Iterator

import pytest
from twilio.http.http_client import TwilioHttpClient  # type: ignore[import-untyped]
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]

from support.receivers.receiver import Answer, CallbackReceiver, Received
from support.servers.server import ACCOUNT_SID, AUTH_TOKEN, ServerProcess
from support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.usefixtures("direct")

PUBLIC_URL = "https://app.example.com"
NUMBER = "+14158675309"


class Application:
    """An application that verifies a number, and accepts only callbacks signed for the URL in the proxy's headers."""

    def __init__(self) -> None:
        self.verified: list[str] = []
        self.receiver = CallbackReceiver(self._receive)

    def verify(self, client: Client, number: str) -> None:
        client.validation_requests.create(number, status_callback=f"{PUBLIC_URL}/verified?tenant=7")

    def _receive(self, received: Received) -> Answer:
        url = f"{received.headers['X-Forwarded-Proto']}://{received.headers['Host']}{received.target}"
        signature = received.headers["X-Twilio-Signature"]
        if not url.startswith(PUBLIC_URL) or not RequestValidator(AUTH_TOKEN).validate(url, received.form, signature):
            return Answer(403)
        self.verified.append(received.form["To"])
        return Answer(204)


@pytest.fixture
def application() -> Iterator[Application]:
    application = Application()
    with application.receiver:
        yield application


def test_application_that_knows_only_its_https_url_accepts_its_callback(application: Application) -> None:
    host_map = f"other.example.com=127.0.0.1,app.example.com={application.receiver.url}"
    with ServerProcess(ring_seconds=0, key_seconds=0, callback_host_map=host_map) as server, server.client() as http:
        client = Client(ACCOUNT_SID, AUTH_TOKEN, http_client=TwilioHttpClient(timeout=PATIENCE_SECONDS))
        client.api.base_url = server.base_url
        application.verify(client, NUMBER)
        control = f"/_ringback/accounts/{ACCOUNT_SID}"
        [event] = http.get(f"{control}/events?type=callback.delivered&wait_seconds=30").json()["events"]
        [attempt] = http.get(f"{control}/calls/{event['call_sid']}/callbacks").json()["callbacks"]
        client.http_client.session.close()

    assert application.verified == [NUMBER]
    assert (attempt["url"], attempt["mapped_to"]) == (f"{PUBLIC_URL}/verified?tenant=7", application.receiver.url)
    assert (attempt["hops"][0]["mapped_to"], attempt["signature"]["is_valid"]) == (application.receiver.url, True)

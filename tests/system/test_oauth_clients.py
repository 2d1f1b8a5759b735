"""OAuth with the official libraries, unmodified and through the proxy: tokens, scopes, expiration, restarts."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.clients.interception import InterceptingServer
from support.clients.node import FOLDER
from support.clients.unmodified_apps import UnmodifiedPrograms, printed_lines
from support.servers.server import ACCOUNT_SID, free_port
from support.waiting import PROGRAM_SECONDS, eventually

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("oauth-clients")]

LIST_SCOPE, CREATE_SCOPE = "twilio/voice/outgoing-caller-ids/list", "twilio/voice/outgoing-caller-ids/create"
LIFETIME_SECONDS = 7200
PYTHON = """
import json, os, time
from pathlib import Path
from twilio.base.exceptions import TwilioRestException
from twilio.credential.client_credential_provider import ClientCredentialProvider
from twilio.rest import Client

apps, told = json.loads(Path("apps.json").read_text()), {}


def client_of(app):
    provider = ClientCredentialProvider(app["client_id"], app["client_secret"])
    return Client(account_sid=os.environ["TWILIO_ACCOUNT_SID"], credential_provider=provider), provider


def refusal(ask):
    try:
        ask()
    except TwilioRestException as error:
        return [error.status, error.code, error.msg]


def wait_for_test(step):
    Path(f"{step}.reached").touch()
    while not Path(f"{step}.done").exists():
        time.sleep(0.02)


client, provider = client_of(apps["both"])
told["listed"] = [one.phone_number for one in client.outgoing_caller_ids.list()]
told["code"] = client.validation_requests.create("+14158675309").validation_code
token = provider.to_auth_strategy().token
wait_for_test("restart")
told["listed after the restart"] = len(client.outgoing_caller_ids.list()) >= 0
told["token is the same"] = provider.to_auth_strategy().token == token
wait_for_test("expire")
told["expired"] = refusal(lambda: client.validation_requests.create("+14158675311"))
told["again"] = len(client_of(apps["both"])[0].outgoing_caller_ids.list()) >= 0
told["missing scope"] = refusal(lambda: client_of(apps["list"])[0].validation_requests.create("+14158675310"))
told["wrong secret"] = refusal(
    lambda: client_of(apps["list"] | {"client_secret": "wrong"})[0].outgoing_caller_ids.list()
)
print(json.dumps(told))
"""
NODE = """
const twilio = require("twilio"), fs = require("fs");
const [apps, folder] = [JSON.parse(fs.readFileSync(process.env.APPS)), require("path").dirname(process.env.APPS)];
const told = {};

function clientOf({ client_id, client_secret }) {
  const provider = new twilio.ClientCredentialProviderBuilder()
    .setClientId(client_id).setClientSecret(client_secret).build();
  const client = twilio();
  client.setCredentialProvider(provider);
  client.setAccountSid(process.env.TWILIO_ACCOUNT_SID);
  return [client, provider];
}

const refusal = (promise) => promise.catch(({ status, code, message }) => [status ?? null, code ?? null, message]);

async function waitForTest(step) {
  fs.writeFileSync(`${folder}/${step}.reached`, "");
  while (!fs.existsSync(`${folder}/${step}.done`)) await new Promise((resolve) => setTimeout(resolve, 20));
}

(async () => {
  const [client, provider] = clientOf(apps.both);
  told.listed = (await client.outgoingCallerIds.list()).map(({ phoneNumber }) => phoneNumber);
  told.code = (await client.validationRequests.create({ phoneNumber: "+14158675309" })).validationCode;
  const strategy = provider.toAuthStrategy(), token = await strategy.getAuthString();
  provider.toAuthStrategy = () => strategy;  // as applications do that fetch one token for many requests
  await waitForTest("restart");
  told["listed after the restart"] = (await client.outgoingCallerIds.list()).length >= 0;
  told["token is the same"] = (await strategy.getAuthString()) === token;
  await waitForTest("expire");
  told.expired = await refusal(client.outgoingCallerIds.list());
  told.again = (await clientOf(apps.both)[0].outgoingCallerIds.list()).length >= 0;
  told["missing scope"] = await refusal(
    clientOf(apps.list)[0].validationRequests.create({ phoneNumber: "+14158675310" }));
  told["wrong secret"] = await refusal(
    clientOf({ ...apps.list, client_secret: "wrong" })[0].outgoingCallerIds.list());
  console.log(JSON.stringify(told));
})();
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[InterceptingServer]:
    """Run a server with a database file on fixed ports, so that it can be started again."""
    folder = tmp_path / "server"
    folder.mkdir()
    ports = {"port": free_port(), "intercept_port": free_port(), "tls_port": free_port()}
    with InterceptingServer(folder, database_url="sqlite:///oauth.db", **ports) as running:
        yield running


def create_app(server: InterceptingServer, *scopes: str) -> dict[str, Any]:
    body = {"scopes": scopes, "lifetime_seconds": LIFETIME_SECONDS}
    with server.client() as http:
        answer = http.post(f"/_ringback/accounts/{ACCOUNT_SID}/oauth-apps", json=body).raise_for_status()
    app: dict[str, Any] = answer.json()
    return app


def write_apps(server: InterceptingServer, folder: Path) -> Path:
    """Create an OAuth app with two scopes and one with a single scope, and write them to a file for the application."""
    apps = {"both": create_app(server, LIST_SCOPE, CREATE_SCOPE), "list": create_app(server, LIST_SCOPE)}
    file = folder / "apps.json"
    file.write_text(json.dumps(apps))
    return file


def restart_and_expire(server: InterceptingServer, folder: Path) -> None:
    """Restart the server when the application asks for it, and later advance the clock until its tokens expire."""
    eventually((folder / "restart.reached").exists, what="first requests")
    server.stop()
    server.log.clear()
    server.start()
    (folder / "restart.done").touch()
    eventually((folder / "expire.reached").exists, what="requests after the restart")
    with server.client() as http:
        path = f"/_ringback/accounts/{ACCOUNT_SID}/clock/advance"
        http.post(path, json={"seconds": LIFETIME_SECONDS}).raise_for_status()
    (folder / "expire.done").touch()


def report_of(process: "subprocess.Popen[bytes]") -> dict[str, Any]:
    """Wait until an application ends, and return the JSON that it prints."""
    output, _ = process.communicate(timeout=PROGRAM_SECONDS)
    assert process.returncode == 0, output.decode()
    reports = [line for line in output.splitlines() if line.startswith(b"{")]
    report: dict[str, Any] = json.loads(reports[-1])
    return report


def check(told: dict[str, Any], server: InterceptingServer, application: UnmodifiedPrograms) -> None:
    assert told["listed"] == []
    assert len(told["code"]) == 6
    assert told["listed after the restart"]
    assert told["token is the same"]
    assert told["expired"][:2] == [401, 20003]
    assert told["again"]
    assert told["missing scope"][:2] == [401, 70051]
    assert f"required permission {CREATE_SCOPE} is missing" in told["missing scope"][2]
    assert "Invalid credentials" in told["wrong secret"][2]
    assert application.resolved_names <= {"127.0.0.1"}
    assert server.refused() == []


def test_python_fetches_and_uses_access_tokens_through_the_proxy(server: InterceptingServer, tmp_path: Path) -> None:
    application = UnmodifiedPrograms(printed_lines("python", server), tmp_path)
    write_apps(server, tmp_path)

    process = application.start_python("-c", PYTHON, folder=tmp_path)
    restart_and_expire(server, tmp_path)
    check(report_of(process), server, application)


@pytest.mark.node
def test_node_fetches_and_uses_access_tokens_through_the_proxy(server: InterceptingServer, tmp_path: Path) -> None:
    application = UnmodifiedPrograms(printed_lines("node", server), tmp_path)
    apps = write_apps(server, tmp_path)

    process = application.start_node(NODE, FOLDER, {"APPS": str(apps)})
    restart_and_expire(server, tmp_path)
    check(report_of(process), server, application)

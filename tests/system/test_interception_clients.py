"""Unmodified applications with Twilio's libraries, intercepted with the settings that `ringback env` prints."""

import shutil
from pathlib import Path

import pytest

from support.clients.interception import MESSAGES, InterceptingServer
from support.clients.node import FOLDER
from support.clients.unmodified_apps import UnmodifiedPrograms, printed_block, printed_lines
from support.code_blocks import client_page, readme_block

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("interception-clients")]

EMULATED_ONLY = "ringback emulates only caller IDs, their calls, accounts, owned numbers and tokens"
MESSAGE = f"The requested resource {MESSAGES} was not found: {EMULATED_ONLY}, and refused this POST"
HOST, OTHER_HOST = "api.local.twilio.com", "verify.local.twilio.com"
OTHER = f"{OTHER_HOST} is not emulated: {EMULATED_ONLY}, and refused POST /v2/Services"

PYTHON = """
import json, time
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

client = Client()
request = client.validation_requests.create(phone_number="+14158675371", friendly_name="Front desk")
while not (found := client.outgoing_caller_ids.list(phone_number="+14158675371")):
    time.sleep(0.05)
client.outgoing_caller_ids(found[0].sid).delete()
refusals = []
for attempt in (
    lambda: client.messages.create(to="+14158675309", from_="+14158675371", body="Hello"),
    lambda: client.verify.v2.services.create(friendly_name="Codes"),
):
    try:
        attempt()
    except TwilioRestException as error:
        refusals.append([error.status, error.code, error.msg])
print(json.dumps({"code": request.validation_code, "name": found[0].friendly_name, "refusals": refusals}))
"""
PYTHON_FAILING = """
import json
from twilio.rest import Client

try:
    Client().outgoing_caller_ids.list()
except Exception as error:
    print(json.dumps(type(error).__name__))
"""
PYTHON_ASYNC = """
import asyncio, json, sys, warnings
import aiohttp
from twilio.base.exceptions import TwilioRestException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.rest import Client

warnings.simplefilter("ignore")


async def main():
    reports = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context["message"]))
    LINES
    async with http_client:
        client = Client(http_client=http_client)
        request = await client.validation_requests.create_async(phone_number="+14158675372")
        while not (found := await client.outgoing_caller_ids.list_async(phone_number="+14158675372")):
            await asyncio.sleep(0.05)
        try:
            await client.messages.create_async(to="+14158675309", from_="+14158675372", body="Hello")
        except TwilioRestException as error:
            told = {"code": request.validation_code, "found": len(found), "said": error.msg}
            print(json.dumps(told | {"reports": reports}))


asyncio.run(main())
"""
PYTHON_ASYNC_FAILING = """
import asyncio, json
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.rest import Client


async def main():
    async with AsyncTwilioHttpClient() as http_client:
        await Client(http_client=http_client).outgoing_caller_ids.list_async()


try:
    asyncio.run(main())
except Exception as error:
    print(json.dumps(type(error).__name__))
"""
NODE = """
const client = require("twilio")();
(async () => {
  const phoneNumber = "+14158675373";
  const request = await client.validationRequests.create({ phoneNumber, friendlyName: "Front desk" });
  let found = [];
  while (!found.length) found = await client.outgoingCallerIds.list({ phoneNumber });
  await client.outgoingCallerIds(found[0].sid).remove();
  const refusals = [];
  for (const attempt of [
    () => client.messages.create({ to: "+14158675309", from: phoneNumber, body: "Hello" }),
    () => client.verify.v2.services.create({ friendlyName: "Codes" }),
  ]) {
    await attempt().catch((error) => refusals.push([error.status, error.code, error.message]));
  }
  console.log(JSON.stringify({ code: request.validationCode, name: found[0].friendlyName, refusals }));
})();
"""
NODE_FAILING = """
require("twilio")().outgoingCallerIds.list().catch((error) => console.log(JSON.stringify(error.code)));
"""
NODE_FETCH = """
const { TWILIO_ACCOUNT_SID: sid, TWILIO_AUTH_TOKEN: token } = process.env;
const ask = (resource, form) => fetch(`https://api.twilio.com/2010-04-01/Accounts/${sid}/${resource}.json`, {
  method: "POST",
  headers: { Authorization: `Basic ${Buffer.from(`${sid}:${token}`).toString("base64")}` },
  body: new URLSearchParams(form),
});
(async () => {
  const request = await ask("OutgoingCallerIds", { PhoneNumber: "+14158675374", FriendlyName: "Front desk" });
  const message = await ask("Messages", { To: "+14158675309", From: "+14158675374", Body: "Hello" });
  console.log(JSON.stringify({ code: (await request.json()).validation_code, said: (await message.json()).message }));
})();
"""
JAVA = """
import java.net.URL;
import javax.net.ssl.HttpsURLConnection;

public class Application {
    public static void main(String[] hosts) throws Exception {
        String[] answers = new String[hosts.length];
        for (int i = 0; i < hosts.length; i++) {
            var connection = (HttpsURLConnection) new URL("https://" + hosts[i] + "/v1").openConnection();
            answers[i] = String.valueOf(connection.getResponseCode());
        }
        System.out.println("[" + String.join(",", answers) + "]");
    }
}
"""


@pytest.fixture
def without_proxy(tmp_path: Path) -> InterceptingServer:
    """Return a stopped server. `ringback env` still prints its ports."""
    with InterceptingServer(tmp_path) as running:
        pass
    return running


def refused_hosts(server: InterceptingServer) -> list[tuple[str, str]]:
    return [(refused["host"], refused["method"]) for refused in server.refused()[:2]]


def test_python_verifies_a_number_and_other_requests_are_refused(
    intercepting: InterceptingServer, tmp_path: Path
) -> None:
    application = UnmodifiedPrograms(printed_block("python", intercepting), tmp_path)

    told = application.python(PYTHON)

    assert len(told["code"]) == 6
    assert told["name"] == "Front desk"
    assert told["refusals"] == [
        [404, 20404, f"Unable to create record: {MESSAGE}"],
        [404, 20404, f"Unable to create record: {OTHER}"],
    ]
    assert refused_hosts(intercepting) == [(OTHER_HOST, "POST"), (HOST, "POST")]
    assert application.resolved_names <= {"127.0.0.1"}


def test_python_without_a_running_proxy_fails(without_proxy: InterceptingServer, tmp_path: Path) -> None:
    application = UnmodifiedPrograms(printed_lines("python", without_proxy), tmp_path)

    told = application.python(PYTHON_FAILING)

    assert told == "ProxyError"
    assert application.resolved_names == {"127.0.0.1"}


def test_asynchronous_python_with_the_printed_code_reaches_ringback(
    intercepting: InterceptingServer, tmp_path: Path
) -> None:
    lines = printed_lines("python-async", intercepting)
    code = [line.removeprefix(":").strip(" '") for line in lines.splitlines() if "http_client" in line]
    application = UnmodifiedPrograms(printed_block("python-async", intercepting, page="python"), tmp_path)

    told = application.python(PYTHON_ASYNC.replace("LINES", "\n    ".join(code)))

    assert told["reports"] == []
    assert readme_block("python-async-lines", page=client_page("python")).splitlines() == code
    assert len(told["code"]) == 6
    assert (told["found"], told["said"]) == (1, f"Unable to create record: {MESSAGE}")
    assert application.resolved_names <= {"127.0.0.1"}


def test_asynchronous_python_without_the_printed_code_resolves_an_invalid_host(
    intercepting: InterceptingServer, tmp_path: Path
) -> None:
    application = UnmodifiedPrograms(printed_lines("python-async", intercepting), tmp_path)

    told = application.python(PYTHON_ASYNC_FAILING)

    assert told == "ClientConnectorDNSError"
    assert application.resolved_names == {HOST}


@pytest.mark.node
def test_node_verifies_a_number_and_other_requests_are_refused(
    intercepting: InterceptingServer, tmp_path: Path
) -> None:
    application = UnmodifiedPrograms(printed_block("node", intercepting), tmp_path)

    told = application.node(NODE, FOLDER)

    assert len(told["code"]) == 6
    assert told["name"] == "Front desk"
    assert told["refusals"] == [[404, 20404, MESSAGE], [404, 20404, OTHER]]
    assert refused_hosts(intercepting) == [(OTHER_HOST, "POST"), (HOST, "POST")]
    assert application.resolved_names <= {"127.0.0.1"}


@pytest.mark.node
def test_node_fetch_verifies_a_number_and_its_message_is_refused(
    intercepting: InterceptingServer, tmp_path: Path
) -> None:
    application = UnmodifiedPrograms(printed_block("node", intercepting), tmp_path)

    told = application.node(NODE_FETCH, FOLDER)

    assert len(told["code"]) == 6
    assert told["said"] == MESSAGE
    assert intercepting.refused()[0]["host"] == "api.twilio.com"
    assert application.resolved_names <= {"127.0.0.1"}


@pytest.mark.node
def test_node_without_a_running_proxy_fails(without_proxy: InterceptingServer, tmp_path: Path) -> None:
    application = UnmodifiedPrograms(printed_lines("node", without_proxy), tmp_path)

    told = application.node(NODE_FAILING, FOLDER)

    assert told == "ECONNREFUSED"
    assert application.resolved_names <= {"127.0.0.1"}


@pytest.mark.skipif(shutil.which("java") is None, reason="java is not installed")
def test_java_with_the_printed_options_reaches_ringback(intercepting: InterceptingServer, tmp_path: Path) -> None:
    application = UnmodifiedPrograms(printed_lines("java", intercepting), tmp_path)

    answers = application.java(JAVA, HOST, OTHER_HOST)

    assert answers == [404, 404]
    assert refused_hosts(intercepting) == [(OTHER_HOST, "GET"), (HOST, "GET")]

"""Unmodified applications that end a validation call, or read why it failed, with Twilio's libraries."""

from pathlib import Path

import pytest

from support.clients.interception import InterceptingServer
from support.clients.node import FOLDER
from support.clients.unmodified_apps import UnmodifiedPrograms, printed_lines

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("interception-clients")]

CANCELING = """
import json, time
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

client = Client()
NUMBER = "+15005550018"


def wait_for(status):
    while (call := client.calls(request.call_sid).fetch()).status != status:
        time.sleep(0.05)
    return call


request = client.validation_requests.create(phone_number=NUMBER)
wait_for("ringing")
ended = client.calls(request.call_sid).update(status="canceled")
try:
    ended.update(status="completed")
except TwilioRestException as error:
    refusal = [error.status, error.code, error.msg]
found = len(client.outgoing_caller_ids.list(phone_number=NUMBER))
print(json.dumps({"status": ended.status, "now": wait_for("canceled").status, "refusal": refusal, "found": found}))
"""
ASKING_WHY = """
import json, time
from twilio.rest import Client

client = Client()
request = client.validation_requests.create(phone_number="+15005550019")
while (call := client.calls(request.call_sid).fetch()).status != "failed":
    time.sleep(0.05)
listed = call.notifications.list(limit=20)
fetched = client.calls(call.sid).notifications(listed[0].sid).fetch()
print(json.dumps({"code": listed[0].error_code, "text": fetched.message_text, "count": len(listed)}))
"""
NODE = """
const client = require("twilio")();
(async () => {
  const request = await client.validationRequests.create({ phoneNumber: "+14158675381", callDelay: 60 });
  const call = await client.calls(request.callSid).update({ status: "completed" });
  const blocked = await client.validationRequests.create({ phoneNumber: "+15005550019" });
  let notifications = [];
  while (!notifications.length) notifications = await client.calls(blocked.callSid).notifications.list();
  console.log(JSON.stringify({ status: call.status, codes: notifications.map(({ errorCode }) => errorCode) }));
})();
"""


def test_application_cancels_its_call(intercepting: InterceptingServer, tmp_path: Path) -> None:
    told = UnmodifiedPrograms(printed_lines("python", intercepting), tmp_path).python(CANCELING)

    assert told == {
        "status": "canceled",
        "now": "canceled",
        "refusal": [400, 21220, "Unable to update record: Call is not in-progress. Cannot redirect."],
        "found": 0,
    }


def test_application_reads_the_reason_of_a_blocked_call(intercepting: InterceptingServer, tmp_path: Path) -> None:
    told = UnmodifiedPrograms(printed_lines("python", intercepting), tmp_path).python(ASKING_WHY)

    assert (told["code"], told["count"]) == ("13227", 1)
    assert told["text"].startswith("No International Permission. ")


@pytest.mark.node
def test_node_application_ends_its_call_and_reads_notifications(
    intercepting: InterceptingServer, tmp_path: Path
) -> None:
    told = UnmodifiedPrograms(printed_lines("node", intercepting), tmp_path).node(NODE, FOLDER)

    assert told == {"status": "canceled", "codes": ["13227"]}

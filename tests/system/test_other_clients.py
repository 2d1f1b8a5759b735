"""Runs the code of the pages on PHP, Ruby, Go and Java as printed, if a variable names a copy of the library."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from support.clients.interception import MESSAGES, InterceptingServer
from support.clients.other_languages import GO, JAVA, PHP, PRODUCTION, RUBY, Library, prepare
from support.clients.programs import run_alone
from support.clients.unmodified_apps import UnmodifiedPrograms, printed_block
from support.receivers.receiver import CallbackReceiver, Received
from support.servers.server import ACCOUNT_SID, AUTH_TOKEN, caller_ids_path

pytestmark = pytest.mark.xdist_group("interception-clients")

REGIONS = {"TWILIO_REGION": "ie1", "TWILIO_EDGE": "dublin"}
LIBRARIES = [PHP, RUBY, GO, JAVA]


def callback_of(server: InterceptingServer, receiver: CallbackReceiver) -> Received:
    """Return the StatusCallback of a call whose callee hangs up."""
    form = {"PhoneNumber": "+15005550013", "StatusCallback": f"{receiver.url}/done?from=a%20test"}
    with server.client() as client:
        client.post(f"{caller_ids_path()}.json", data=form).raise_for_status()
    return receiver.wait_for(1)[0]


def arguments(number: str, receiver: CallbackReceiver, callback: Received) -> list[str]:
    """Return the programs' arguments: an unused number, and a StatusCallback's URL, signature and form."""
    signature = callback.headers["X-Twilio-Signature"]
    return [number, receiver.url + callback.target, signature, urlencode(callback.form)]


def without_code(told: dict[str, Any]) -> dict[str, Any]:
    """Check that the code has six digits, and return the other results."""
    assert len(told.pop("code")) == 6
    return told


EXPECTED_RESULT = {
    "name": "Back office",
    "deleted": True,
    "refusals": [[404, 20404], [404, 20404]],
    "genuine": True,
    "altered": False,
}


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.language)
def test_redirecting_client_runs_all_operations_with_any_region(
    library: Library, intercepting: InterceptingServer, receiver: CallbackReceiver, tmp_path: Path
) -> None:
    assert library.place
    commands = prepare(library, library.block("client", intercepting.base_url), tmp_path)

    told = run(commands, arguments("+14158675381", receiver, callback_of(intercepting, receiver)), tmp_path)

    assert without_code(told) == EXPECTED_RESULT


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.language)
def test_printed_variables_direct_an_unmodified_application_to_ringback(
    library: Library, intercepting: InterceptingServer, receiver: CallbackReceiver, tmp_path: Path
) -> None:
    assert library.place
    commands = prepare(library, PRODUCTION[library], tmp_path)
    for command in commands[:-1]:
        run_alone(command, tmp_path)
    application = UnmodifiedPrograms(printed_block(library.language, intercepting), tmp_path)

    told = application.run([*commands[-1], *arguments("+14158675382", receiver, callback_of(intercepting, receiver))])

    assert without_code(told) == EXPECTED_RESULT
    refused = intercepting.refused()[0]
    assert (refused["method"], refused["host"], refused["path"]) == ("POST", "api.local.twilio.com", MESSAGES)


def test_printed_php_line_directs_a_client_to_ringback(intercepting: InterceptingServer, tmp_path: Path) -> None:
    source = PHP.place
    program = "\n".join(
        [
            f"<?php require '{source}/src/Twilio/autoload.php';",
            f'$client = new Twilio\\Rest\\Client("{ACCOUNT_SID}", "{AUTH_TOKEN}");',
            PHP.block("line", intercepting.base_url),
            f'echo json_encode($client->api->v2010->accounts("{ACCOUNT_SID}")->fetch()->sid);',
        ]
    )
    (tmp_path / "application.php").write_text(program)

    assert json.loads(run_alone(["php", "application.php"], tmp_path)) == ACCOUNT_SID


def run(commands: list[list[str]], given: list[str], folder: Path) -> Any:
    """Run the commands, the last one with the arguments `given` and a region, and return its output parsed as JSON."""
    for command in commands[:-1]:
        run_alone(command, folder)
    return json.loads(run_alone([*commands[-1], *given], folder, REGIONS))

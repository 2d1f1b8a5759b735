"""Old helper libraries, from the time of the product page, with the operations on a caller ID that the page shows."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from support.clients.node import FOLDER, run_script
from support.clients.programs import run_alone
from support.code_blocks import client_page, readme_block
from support.servers.server import ServerProcess

pytestmark = pytest.mark.slow

INSTALLED = Path(sys.prefix) / "old-clients"
PYTHON_LIFE = """
import json, time
import twilio
from twilio import TwilioRestException

number = NUMBER
ids = client.caller_ids
request = ids.validate(number, friendly_name="My Home Phone Number")
while not (found := ids.list(phone_number=number)):
    time.sleep(0.02)
sid = found[0].sid
fetched = ids.get(sid)
updated = ids.update(sid, friendly_name="My Second Line")
filtered = ids.list(phone_number=number, friendly_name="My Second Line")
ids.delete(sid)
try:
    ids.get(sid)
except TwilioRestException as error:
    gone = [error.status, error.code]
print(json.dumps({
    "version": twilio.__version__,
    "code": request["validation_code"],
    "fetched": [fetched.phone_number, fetched.friendly_name],
    "updated": updated.friendly_name,
    "isFound": [caller_id.sid for caller_id in filtered] == [sid],
    "gone": gone,
}))
"""


def expected_result(number: str) -> dict[str, Any]:
    """Return the expected result of all operations on a number, except for the library's version and the code."""
    return {
        "fetched": [number, "My Home Phone Number"],
        "updated": "My Second Line",
        "isFound": True,
        "gone": [404, 20404],
    }


def run_python(library: str, program: str) -> Any:
    """Run a Python program with an old library and without proxies, and return its output parsed as JSON."""
    path = os.pathsep.join([str(INSTALLED / library), str(INSTALLED / "libraries")])
    return json.loads(run_alone([sys.executable, "-c", program], INSTALLED, {"PYTHONPATH": path}))


@pytest.mark.skipif(
    not INSTALLED.is_dir(), reason="the old Python clients are not installed: run `make .venv/.installed-old`"
)
@pytest.mark.parametrize(
    ("version", "number"), [("5.7.0", "+14158675391"), ("4.9.2", "+14158675392"), ("3.6.4", "+14158675393")]
)
def test_old_python_library_runs_the_examples_of_the_product_page(
    quick_server: ServerProcess, version: str, number: str
) -> None:
    blocks = [
        readme_block(name, base_url=quick_server.base_url, page=client_page("old"))
        for name in ("python-old-import", "python-old-client")
    ]
    program = "\n".join([*blocks, PYTHON_LIFE.replace("NUMBER", repr(number))])

    told = run_python(f"twilio-{version[0]}", program)

    assert (told.pop("version"), len(told.pop("code"))) == (version, 6)
    assert told == expected_result(number)


@pytest.mark.node
@pytest.mark.parametrize(("major", "number"), [(2, "+14158675394"), (1, "+14158675395")])
def test_old_node_library_runs_the_examples_of_the_product_page(
    quick_server: ServerProcess, major: int, number: str
) -> None:
    library = f"twilio-{major}"
    if not (FOLDER / "node_modules" / library).is_dir():
        pytest.skip(f"{library} is not installed by npm: run `make tests/system/node/node_modules/.installed`")
    port = quick_server.base_url.rpartition(":")[2]
    block = readme_block("node-old-client", page=client_page("old")).replace("8010", port)

    told = run_script("old", "", block=block.replace('require("twilio")', f'require("{library}")'), phoneNumber=number)

    assert len(told.pop("code")) == 6
    assert told == expected_result(number)


@pytest.mark.node
@pytest.mark.parametrize(
    ("version", "number"),
    [("3.0", "+14158675396"), ("3.12", "+14158675397"), ("3.21", "+14158675398"), ("3.40", "+14158675399")],
)
def test_node_library_with_multipart_creates_updates_and_deletes_a_caller_id(
    quick_server: ServerProcess, version: str, number: str
) -> None:
    library = f"twilio-{version}"
    if not (FOLDER / "node_modules" / library).is_dir():
        pytest.skip(f"{library} is not installed by npm: run `make tests/system/node/node_modules/.installed`")
    block = readme_block("node-line", base_url=quick_server.base_url, page=client_page("node"))

    told = run_script(
        "multipart",
        "",
        block=block.replace('require("twilio")', f'require("{library}")'),
        library=library,
        phoneNumber=number,
    )

    assert told.pop("version").startswith(f"{version}.")
    assert told == {
        "friendlyName": "Front desk \u00e9",
        "hasCode": True,
        "fetched": [number, "Front desk \u00e9"],
        "updated": "Back office",
        "unchanged": "Back office",
        "isFound": True,
        "isDeleted": True,
        "gone": [404, 20404],
    }

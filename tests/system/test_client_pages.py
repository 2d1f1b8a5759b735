"""Runs the code blocks of the pages on Python and Node as printed, and checks that a test runs every block."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.clients.node import run_script
from support.clients.programs import run_alone
from support.code_blocks import CLIENT_PAGES, block_names, client_page, readme_block
from support.receivers.receiver import CallbackReceiver
from support.servers.server import ServerProcess, caller_ids_path

OTHERS = {"php", "ruby", "go", "java"}
RUN = {
    "python": {
        "line",
        "async-client",
        "redirecting-client",
        "async-redirecting-client",
        "intercepted",
        "async-intercepted",
        "async-lines",
        "validate",
    },
    "node": {"line", "redirecting-client", "intercepted", "validate"},
    **{language: {"client", "intercepted", "validate"} for language in OTHERS},
}
RUN["php"].add("line")
RUN_OLD = {"python-old-client", "python-old-import", "node-old-client"}
"""Names of the code blocks for old clients. Like those in RUN, they are run here, in test_docs_commands.py, or in a
client's module."""
REGIONS = {"TWILIO_REGION": "ie1", "TWILIO_EDGE": "dublin"}


def python_names(block: str, base_url: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(readme_block(block, page=client_page("python"), base_url=base_url), names)  # noqa: S102
    return names


def node_block(block: str, base_url: str = "") -> str:
    return readme_block(f"node-{block}", page=client_page("node"), base_url=base_url or "http://127.0.0.1:8010")


def test_blocks_marked_on_client_pages_are_run() -> None:
    marked = {name for page in CLIENT_PAGES.glob("*.md") for name in block_names(page)}

    assert marked == {f"{page}-{what}" for page, blocks in RUN.items() for what in blocks} | RUN_OLD


def test_unmarked_blocks_are_only_on_pages_run_elsewhere_or_not_run() -> None:
    blocks = {page.stem: page.read_text(encoding="utf-8").count("\n```") // 2 for page in CLIENT_PAGES.glob("*.md")}

    unmarked = {name for name, count in blocks.items() if count != len(block_names(client_page(name)))}

    assert unmarked == {"csharp", "http"}  # test_http_clients.py runs the clients of docs/interception.md
    assert "the tests do not run it" in client_page("csharp").read_text(encoding="utf-8")


def test_index_of_clients_lists_every_page() -> None:
    index = (CLIENT_PAGES / "README.md").read_text(encoding="utf-8")

    missing = [page.name for page in CLIENT_PAGES.glob("*.md") if f"]({page.name})" not in index]

    assert missing == ["README.md"]


@pytest.mark.usefixtures("direct")
def test_documented_python_code_creates_a_client_for_the_server(full_server: ServerProcess) -> None:
    client = python_names("python-line", full_server.base_url)["client"]

    listed = client.outgoing_caller_ids.list(limit=7)
    client.http_client.session.close()

    assert len(listed) == 7


@pytest.mark.usefixtures("direct")
def test_python_redirecting_client_ignores_regions_and_edges(
    full_server: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in REGIONS.items():
        monkeypatch.setenv(name, value)

    client = python_names("python-redirecting-client", full_server.base_url)["client"]
    streamed = list(client.outgoing_caller_ids.stream(page_size=50))
    client.http_client.session.close()

    assert len(streamed) == 120


def test_asynchronous_redirecting_client_ignores_regions_and_edges(full_server: ServerProcess, tmp_path: Path) -> None:
    program = readme_block("python-async-redirecting-client", page=client_page("python"), base_url=full_server.base_url)

    printed = run_alone([sys.executable, "-c", program], tmp_path, REGIONS)

    assert len(printed.splitlines()) == 120


@pytest.mark.node
@pytest.mark.parametrize("block", ["line", "redirecting-client"])
def test_node_clients_iterate_over_the_list(full_server: ServerProcess, block: str) -> None:
    walked = run_script("paging", full_server.base_url, block=node_block(block, full_server.base_url))

    assert len(walked["streamed"]) == 120


Validator = Callable[[str, dict[str, str], str], bool]


def python_validator(url: str, form: dict[str, str], signature: str) -> bool:
    validator: Validator = python_names("python-validate", "")["is_from_twilio"]
    return validator(url, form, signature)


def node_validator(url: str, form: dict[str, str], signature: str) -> bool:
    asked = {"url": url, "form": form, "signature": signature}
    told: bool = run_script("validator", "", block=f"{node_block('validate')}\nconst client = isFromTwilio;", **asked)
    return told


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("validator", [python_validator, pytest.param(node_validator, marks=pytest.mark.node)])
def test_validators_accept_received_callbacks(
    quick_server: ServerProcess, receiver: CallbackReceiver, method: str, validator: Validator
) -> None:
    asked = {"PhoneNumber": "+15005550013", "StatusCallback": f"{receiver.url}/done", "StatusCallbackMethod": method}
    with quick_server.client() as client:
        client.post(f"{caller_ids_path()}.json", data=asked).raise_for_status()
    [callback] = receiver.wait_for(1)
    url, signature = receiver.url + callback.target, callback.headers["X-Twilio-Signature"]

    assert validator(url, callback.form, signature) is True
    assert validator(f"{url}x", callback.form, signature) is False

"""HTTP clients with the output of `ringback env`, in a network namespace that resolves Twilio's hosts to a stub.

The results must match the table in docs/interception.md.
"""

from collections.abc import Mapping

import pytest

from ringback.commands.client_versions import node_version, reads_proxy_variables
from support.clients.isolated import (
    FAILS_CLOSED,
    NO_LINES,
    PROXIED,
    REACHES_TWILIO,
    URL,
    Result,
    Run,
    run_isolated,
)
from support.clients.network_namespace import reason_namespaces_are_missing
from support.clients.node import FOLDER as NODE_FOLDER
from support.clients.node import reason_node_is_missing
from support.clients.table import LANGUAGES, TableRow, is_installed, prepared_commands, run_of, table_rows
from support.sampling import WHOLE

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("http-clients")]

ROWS = table_rows()
LINES = ["its own", "any"] if WHOLE else ["its own"]
PLAIN = URL.replace("https://", "http://")
PLAIN_CLIENTS = {"fetch", "requests", "urllib.request", "httpx", "curl", "Net::HTTP", "net/http", "HttpURLConnection"}
RESOLVING_CLIENTS = {"Net::HTTP"}
"""Clients that resolve the host name before they connect to a proxy."""
CONTROLS = [("curl", "curl"), ("node", "fetch"), ("python", "requests"), ("python", "twilio with OAuth")]
NODE_RUNS = {
    "fetch": ["node", "request.mjs", "fetch"],
    "tls.connect": ["node", "request.mjs", "tls.connect"],
    "net.Socket": ["node", "request.mjs", "net.Socket"],
    "fetch in a worker": ["node", "request.mjs", "fetch in a worker"],
    "fetch without RINGBACK_PROXY": ["env", "-u", "RINGBACK_PROXY", "node", "request.mjs", "fetch"],
    "fetch without NODE_OPTIONS": ["env", "-u", "NODE_OPTIONS", "node", "request.mjs", "fetch"],
    "https without NODE_OPTIONS": ["env", "-u", "NODE_OPTIONS", "node", "request.mjs", "https"],
}
Key = tuple[str, str, str]


def key_of(run: Run) -> Key:
    return run.client, run.lines, run.url


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Mapping[Key, Result]:
    """Run every installed client with the lines of its table row; in the full suite also with `--client any`."""
    if reason := reason_namespaces_are_missing():
        pytest.skip(reason)
    commands = prepared_commands(tmp_path_factory.mktemp("programs"))
    rows = [row for row in ROWS if row.lines in commands]
    runs = [run_of(row, commands, lines=lines) for row in rows for lines in (row.lines, "any")[: len(LINES)]]
    runs += [run_of(row, commands)._replace(url=PLAIN) for row in rows if row.client in PLAIN_CLIENTS]
    runs += [run_of(row, commands, lines=NO_LINES) for row in rows if (row.lines, row.client) in CONTROLS]
    if "node" in commands:
        runs += [Run(name, "node", command, str(NODE_FOLDER), URL) for name, command in NODE_RUNS.items()]
    reports = run_isolated(runs, tmp_path_factory.mktemp("server"))
    return {key_of(run): report for run, report in zip(runs, reports, strict=True)}


def skip_unless_installed(language: str) -> None:
    if language == "node" and (reason := reason_node_is_missing()):
        pytest.skip(reason)
    if not is_installed(language):
        pytest.skip(f"{LANGUAGES[language].program} is not installed")


@pytest.mark.parametrize("lines", LINES)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_http_client_has_the_documented_outcome(results: Mapping[Key, Result], row: TableRow, lines: str) -> None:
    skip_unless_installed(row.lines)

    result = results[row.name, row.lines if lines == "its own" else "any", URL]

    assert result.outcome == row.outcome, result.seen
    without_server = REACHES_TWILIO if row.outcome == REACHES_TWILIO else FAILS_CLOSED
    assert result.outcome_without_server == without_server, result.seen
    assert row.outcome != PROXIED or result.resolved_names == [] or row.client in RESOLVING_CLIENTS, result.seen


@pytest.mark.parametrize("row", [row for row in ROWS if row.client in PLAIN_CLIENTS], ids=lambda row: row.name)
def test_plain_http_url_of_twilio_reaches_ringback(results: Mapping[Key, Result], row: TableRow) -> None:
    skip_unless_installed(row.lines)

    result = results[row.name, row.lines, PLAIN]

    assert (result.outcome, result.outcome_without_server) == (PROXIED, FAILS_CLOSED), result.seen


@pytest.mark.parametrize(("language", "client"), CONTROLS)
def test_client_without_the_environment_reaches_twilio(
    results: Mapping[Key, Result], language: str, client: str
) -> None:
    skip_unless_installed(language)

    assert results[f"{language} {client}", NO_LINES, URL].outcome == REACHES_TWILIO


@pytest.mark.parametrize("name", ["tls.connect", "net.Socket", "fetch in a worker"])
def test_node_redirect_covers_every_connection_of_the_process(results: Mapping[Key, Result], name: str) -> None:
    skip_unless_installed("node")

    result = results[name, "node", URL]

    assert (result.outcome, result.outcome_without_server) == (PROXIED, FAILS_CLOSED), result.seen


def test_node_redirect_without_an_address_prevents_requests_to_twilio(results: Mapping[Key, Result]) -> None:
    skip_unless_installed("node")

    result = results["fetch without RINGBACK_PROXY", "node", URL]

    assert result.outcome_without_server == FAILS_CLOSED, result.seen
    assert result.outcome != REACHES_TWILIO, result.seen


@pytest.mark.parametrize("client", ["fetch", "https"])
def test_node_uses_proxy_variables_from_the_documented_version_on(results: Mapping[Key, Result], client: str) -> None:
    skip_unless_installed("node")
    version = node_version()
    assert version is not None
    heeds = reads_proxy_variables(version) or (client == "fetch" and version >= (24,))

    result = results[f"{client} without NODE_OPTIONS", "node", URL]

    assert result.outcome == (PROXIED if heeds else REACHES_TWILIO), result.seen


def test_client_table_lists_every_language_and_remedies_for_clients_that_reach_twilio() -> None:
    assert {row.lines for row in ROWS} == set(LANGUAGES)
    assert len({(row.lines, row.client) for row in ROWS}) == len(ROWS)
    assert all(row.instead.strip() for row in ROWS if row.outcome == REACHES_TWILIO)

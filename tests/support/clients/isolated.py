"""Runs HTTP clients with the output of `ringback env` in a network namespace, and reports where each request went.

`python -m support.clients.isolated FOLDER` is run inside the namespace. It reads a list of runs from standard input and
writes one result for each to standard output, both as JSON.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from support.clients.interception import LIST, InterceptingServer
from support.clients.network_namespace import InternetStub, bring_loopback_up, in_namespace, resolve_names_here
from support.clients.unmodified_apps import printed_lines
from support.servers.server import ACCOUNT_SID, AUTH_TOKEN, COMMAND

OAUTH_APP = {"OAUTH_CLIENT_ID": f"OQ{'1' * 32}", "OAUTH_CLIENT_SECRET": "a-client-secret"}
"""Environment variables with the credentials of the server's OAuth app, for clients."""
SEED = f"""
[[accounts]]
sid = "{ACCOUNT_SID}"

[[accounts.oauth_apps]]
client_id = "{OAUTH_APP["OAUTH_CLIENT_ID"]}"
client_secret = "{OAUTH_APP["OAUTH_CLIENT_SECRET"]}"
scopes = ["twilio/voice/outgoing-caller-ids/list"]
"""
URL = f"https://api.twilio.com{LIST}"
NO_LINES = "none"
PROXIED, FAILS_CLOSED, REACHES_TWILIO = "proxied", "fails closed", "reaches Twilio"
RUN_SECONDS = 120.0
ALL_SECONDS = 1_200.0
OK = 200
REMOVED_SUFFIXES = (
    "_PROXY",
    "CA_BUNDLE",
    "SSL_CERT_FILE",
    "TWILIO_REGION",
    "TWILIO_EDGE",
    "NODE_EXTRA_CA_CERTS",
    "NODE_OPTIONS",
)


class Run(NamedTuple):
    """One run of a client: its command without the URL, and the `ringback env` lines that it uses, or NO_LINES."""

    client: str
    lines: str
    command: list[str]
    folder: str = "."
    url: str = URL


class Result(NamedTuple):
    """The outcomes of a client's request, while the server was running and after it stopped, and the resolved names."""

    client: str
    outcome: str
    outcome_without_server: str
    seen: list[str]
    resolved_names: list[str]


def run_isolated(runs: list[Run], folder: Path) -> list[Result]:
    """Run clients in a new network namespace, which is removed afterwards."""
    own = {"PYTHONPATH": str(Path(__file__).parents[2])}
    finished = subprocess.run(  # noqa: S603
        in_namespace([sys.executable, "-m", "support.clients.isolated", str(folder)]),
        input=json.dumps(runs),
        env=os.environ | own,
        capture_output=True,
        text=True,
        check=False,
        timeout=ALL_SECONDS,
    )
    assert finished.returncode == 0, finished.stderr
    return [Result(*fields) for fields in json.loads(finished.stdout)]


def _main(folder: Path) -> None:
    runs = [Run(*fields) for fields in json.load(sys.stdin)]
    bring_loopback_up()
    resolve_names_here(folder)
    stub = InternetStub()
    seed = folder / "seed.toml"
    seed.write_text(SEED)
    with InterceptingServer(folder, command=COMMAND, seed=seed) as server:
        lines = {name: printed_lines(name, server) for name in sorted({run.lines for run in runs} - {NO_LINES})}
        lines[NO_LINES] = ":"
        serving = [_outcome(run, lines[run.lines], stub) for run in runs]
    stopped = [_outcome(run, lines[run.lines], stub) for run in runs]
    pairs = zip(runs, serving, stopped, strict=True)
    results = [
        Result(
            run.client,
            one.outcome,
            two.outcome,
            [one.seen, two.seen],
            sorted({*one.resolved_names, *two.resolved_names}),
        )
        for run, one, two in pairs
    ]
    json.dump(results, sys.stdout)


class _Outcome(NamedTuple):
    outcome: str
    seen: str
    resolved_names: list[str]


def _outcome(run: Run, lines: str, stub: InternetStub) -> _Outcome:
    inherited = {name: value for name, value in os.environ.items() if not name.upper().endswith(REMOVED_SUFFIXES)}
    finished = subprocess.run(  # noqa: S603
        ["sh", "-euc", f'{lines}\nexec "$@"', "sh", *run.command, run.url],  # noqa: S607
        cwd=run.folder,
        env=inherited | {"TWILIO_ACCOUNT_SID": ACCOUNT_SID, "TWILIO_AUTH_TOKEN": AUTH_TOKEN} | OAUTH_APP,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_SECONDS,
    )
    resolved_names, connections = stub.take()
    said = finished.stdout.strip() or finished.stderr.strip()
    seen = f"said {said}, looked up {resolved_names}, {connections} connections"
    outcome = PROXIED if _status(said) == OK else FAILS_CLOSED
    return _Outcome(REACHES_TWILIO if connections else outcome, seen, resolved_names)


def _status(said: str) -> Any:
    try:
        return json.loads(said.splitlines()[-1])["status"]
    except (ValueError, KeyError, IndexError, TypeError):
        return None


if __name__ == "__main__":
    _main(Path(sys.argv[1]))

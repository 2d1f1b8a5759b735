"""Servers stopped by a signal: they stop quickly, with exit status 0, and lose no calls or callbacks."""

import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.databases.sqlite_probe import stored_calls, unsettled
from support.receivers.receiver import Answer, CallbackReceiver, Received
from support.sampling import WHOLE
from support.servers.server import ACCOUNT_SID, ServerProcess, caller_ids_path
from support.waiting import PATIENCE_SECONDS, eventually

RINGING, DELIVERED = "+14158675310", "+15005550014"
"""A phone that rings for a while, and a busy one, whose callback is sent immediately."""

STOP_SIGNALS = {"SIGTERM": signal.SIGTERM, "Ctrl-C": signal.SIGINT}
SIGNALS = pytest.mark.parametrize("wish", STOP_SIGNALS.values(), ids=STOP_SIGNALS)
SAMPLED = SIGNALS if WHOLE else pytest.mark.parametrize("wish", [signal.SIGTERM], ids=["SIGTERM"])
"""Parameters that limit slow tests to SIGTERM. The same code handles both signals, and faster tests use both."""


def stop(server: ServerProcess, wish: signal.Signals) -> int:
    """Stop the server with a signal, and return its exit status."""
    assert server.process is not None
    server.process.send_signal(wish)
    return server.process.wait(PATIENCE_SECONDS)


def ask(client: httpx.Client, receiver: CallbackReceiver, number: str) -> str:
    form = {"PhoneNumber": number, "StatusCallback": f"{receiver.url}/done"}
    call_sid: str = client.post(f"{caller_ids_path()}.json", data=form).raise_for_status().json()["call_sid"]
    return call_sid


@SAMPLED
def test_ringing_calls_and_open_deliveries_continue_after_a_restart(tmp_path: Path, wish: signal.Signals) -> None:
    database = tmp_path / "stop.db"
    settings: dict[str, Any] = {"database_url": f"sqlite:///{database}", "ring_seconds": 1.0, "key_seconds": 0}
    answers = threading.Event()

    def hanging(_: Received) -> Answer:
        answers.wait(2 * PATIENCE_SECONDS)
        return Answer()

    with CallbackReceiver(hanging) as receiver:
        with ServerProcess(**settings) as server, server.client() as client:
            busy = ask(client, receiver, DELIVERED)
            [cut_off] = receiver.wait_for(1)
            ringing = ask(client, receiver, RINGING)
            server.wait_for_log(lambda line: line.get("call_sid") == ringing and line.get("status") == "ringing")
            status = stop(server, wish)
        left = unsettled(database)
        answers.set()
        with ServerProcess(**settings):
            [again] = receiver.wait_for(1, where=lambda received: received is not cut_off and sid_of(received) == busy)
            [verified] = receiver.wait_for(1, where=lambda received: sid_of(received) == ringing)
            eventually(lambda: not unsettled(database), what="everything settled")

    assert status == 0
    assert len(left) == 2  # the server has waited for neither the phone nor the receiver
    assert again.body == cut_off.body
    assert again.headers["I-Twilio-Idempotency-Token"] == cut_off.headers["I-Twilio-Idempotency-Token"]
    assert verified.form["VerificationStatus"] == "success"
    assert {call.callback_status for call in stored_calls(database).values()} == {"delivered"}


def sid_of(received: Received) -> str:
    return received.form["CallSid"]


@SAMPLED
def test_advance_interrupted_by_a_stop_is_not_reported_as_complete(tmp_path: Path, wish: signal.Signals) -> None:
    answers = threading.Event()

    def hanging(_: Received) -> Answer:
        answers.wait(2 * PATIENCE_SECONDS)
        return Answer()

    with (
        CallbackReceiver(hanging) as receiver,
        ServerProcess(database_url=f"sqlite:///{tmp_path}/stop.db") as server,
        server.client() as client,
        ThreadPoolExecutor(1) as pool,
    ):
        clock = f"/_ringback/accounts/{ACCOUNT_SID}/clock"
        client.put(clock, json={"mode": "frozen"}).raise_for_status()
        ask(client, receiver, DELIVERED)
        advancing = pool.submit(client.post, f"{clock}/advance", json={"seconds": 3600})
        receiver.wait_for(1)
        status = stop(server, wish)
        answer = advancing.result(PATIENCE_SECONDS)
        answers.set()

    assert status == 0
    assert answer.status_code == 409
    assert answer.json()["error"] == (
        "ringback stopped during the advance: "
        "the clock has not reached the requested time, or callbacks are still pending"
    )


@SIGNALS
def test_stop_signal_directly_after_startup_stops_the_server(wish: signal.Signals) -> None:
    server = ServerProcess()
    server.start()

    try:
        status = stop(server, wish)
    finally:
        server.kill()

    assert status == 0


@SIGNALS
def test_stop_signal_during_startup_stops_the_server(tmp_path: Path, wish: signal.Signals) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "ringback", "serve", "--port", "0"]

    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as server:  # noqa: S603
        assert server.stderr is not None
        next(line for line in server.stderr if "pydantic_core" in line)
        server.send_signal(wish)
        _, said = server.communicate(timeout=PATIENCE_SECONDS)

    assert server.returncode == 0
    assert [line for line in said.splitlines() if not line.startswith("import time:")] == []


def test_printed_address_accepts_connections() -> None:
    with ServerProcess() as server:
        host, _, port = server.base_url.removeprefix("http://").partition(":")

        with socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS) as connection:
            peer = connection.getpeername()

    assert peer == (host, int(port))

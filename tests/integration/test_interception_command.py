"""`ringback serve` with interception: startup errors and warnings."""

import socket
from contextlib import closing
from pathlib import Path

import pytest

from ringback.proxy.certificate_authority import OTHER_FOLDER
from support.clients.interception import InterceptingServer
from support.servers.command import Command


def test_proxy_port_in_use_is_reported_in_one_line(command: Command) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        finished = command(
            "serve", "--port", "0", "--database-url", "sqlite://", "--intercept", "--intercept-port", str(port)
        )

    assert finished.status == 1
    advice = "Stop the other process or choose another port with --intercept-port or RINGBACK_INTERCEPT_PORT."
    assert finished.complaints == [f"ringback: port {port} is already in use on 127.0.0.1. {advice}"]


def test_authority_that_cannot_be_stored_is_reported_in_one_line(command: Command) -> None:
    options = (
        "--port",
        "0",
        "--intercept-port",
        "0",
        "--database-url",
        "sqlite://",
        "--authority-folder",
        "/dev/null/x",
    )

    finished = command("serve", "--intercept", *options)

    assert finished.status == 1
    assert finished.complaints == [
        f"ringback: cannot keep the certificate authority in /dev/null/x: Not a directory. {OTHER_FOLDER}"
    ]


def test_missing_temporary_folder_is_reported_in_one_line(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))

    finished = command("serve", "--intercept", "--port", "0", "--intercept-port", "0", "--database-url", "sqlite://")

    assert finished.status == 1
    [complaint] = finished.complaints
    assert complaint.startswith("ringback: cannot write a certificate to a temporary folder: ")


def test_proxy_that_other_machines_can_reach_causes_a_warning(tmp_path: Path) -> None:
    with InterceptingServer(tmp_path, intercept_host="0.0.0.0", tls_port="") as server:  # noqa: S104
        warning = server.wait_for_log(lambda line: line["event"] == "proxy open to other machines")

    assert (warning["level"], warning["host"]) == ("warning", "0.0.0.0")  # noqa: S104

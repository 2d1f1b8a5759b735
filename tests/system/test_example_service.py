"""Runs examples/verified-numbers with the environment of `ringback env`: it uses ringback and never contacts Twilio."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ringback.testing import Account, connect
from support.clients.example_service import FOLDER, ExampleService, exported, run_own_tests
from support.clients.interception import MESSAGES, InterceptingServer
from support.clients.unmodified_apps import printed_lines
from support.code_blocks import ROOT
from support.servers.server import ACCOUNT_SID, free_port

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("example-service")]

API, OTHER = "api.local.twilio.com", "messaging.local.twilio.com"
REFUSED = (
    f"Unable to create record: The requested resource {MESSAGES} was not found: "
    "ringback emulates only caller IDs, their calls, accounts, owned numbers and tokens, and refused this POST"
)
UNREACHABLE = {"detail": "Twilio cannot be reached. Try again later."}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InterceptingServer]:
    with InterceptingServer(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="module")
def account(server: InterceptingServer) -> Iterator[Account]:
    with connect(server.base_url) as connection:
        yield connection.existing_account(ACCOUNT_SID)


@pytest.fixture(scope="module")
def lines(server: InterceptingServer) -> str:
    """Return the output of ``ringback env --client python``."""
    return printed_lines("python", server)


@pytest.fixture(scope="module")
def service(lines: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExampleService]:
    """Run the service with these shell lines."""
    with ExampleService(lines, tmp_path_factory.mktemp("service")) as running:
        yield running


def variables_of(file: str, server: InterceptingServer) -> dict[str, str]:
    """Return the service's variables in a compose file, with the server's folder in place of the shared volume."""
    services: dict[str, Any] = yaml.safe_load((ROOT / "examples/compose" / file).read_text(encoding="utf-8"))[
        "services"
    ]
    variables: dict[str, str] = services["service"]["environment"]
    return {name: value.replace("/authority/", f"{server.trust}/") for name, value in variables.items()}


def test_example_service_verifies_a_number_and_accepts_the_callback(service: ExampleService, account: Account) -> None:
    shown = service.verified("Ada", "+14158675321")

    [call] = account.calls(phone_number="+14158675321")
    [attempt] = account.callbacks(call.sid)
    assert (shown["outcome"], shown["validation_code"]) == ("verified", call.validation_code)
    assert attempt.url == f"{service.http.base_url}/verifications/{shown['id']}/outcome"
    assert attempt.signature is not None
    assert attempt.signature.is_valid
    assert attempt.answer is not None
    assert attempt.answer.status_code == 204
    assert service.resolved_names <= {"127.0.0.1"}


def test_example_service_does_not_verify_a_number_whose_owner_hangs_up(service: ExampleService) -> None:
    shown = service.verified("Grace", "+15005550013")

    assert shown["outcome"] == "failed"
    assert "Grace" not in {number["user"] for number in service.http.get("/numbers").json()}


def test_text_message_from_the_example_service_is_refused_and_listed(
    service: ExampleService, account: Account, server: InterceptingServer
) -> None:
    number = account.add_caller_id("+14158675322", friendly_name="Ada")

    answer = service.http.post(f"/numbers/{number.sid}/welcome")

    assert (answer.status_code, answer.json()) == (502, {"detail": REFUSED, "twilio_code": 20404})
    [refused] = server.refused()
    assert (refused["host"], refused["method"], refused["path"]) == (API, "POST", MESSAGES)
    assert service.resolved_names <= {"127.0.0.1"}


def test_tests_of_the_example_service_pass_without_skips(lines: str, account: Account, tmp_path: Path) -> None:
    said = run_own_tests(lines, tmp_path)

    assert "11 passed in" in said, said
    assert [call.verification_status for call in account.calls(phone_number="+14158675309")] == ["success"]


def test_example_service_without_a_running_proxy_fails_and_contacts_no_other_host(
    lines: str, server: InterceptingServer, tmp_path: Path
) -> None:
    astray = lines.replace(server.proxy, f"http://127.0.0.1:{free_port()}")

    with ExampleService(astray, tmp_path) as service:
        answers = [service.http.get("/numbers"), service.http.post("/numbers/PN1/welcome")]

    assert [(answer.status_code, answer.json()) for answer in answers] == [(503, UNREACHABLE)] * 2
    assert service.resolved_names == {"127.0.0.1"}


def test_example_service_without_proxy_variables_resolves_an_invalid_host(lines: str, tmp_path: Path) -> None:
    rest = [line for line in lines.splitlines() if "proxy=" not in line.lower()]

    with ExampleService("\n".join(rest), tmp_path) as service:
        answer = service.http.get("/numbers")

    assert (answer.status_code, answer.json()) == (503, UNREACHABLE)
    assert service.resolved_names - {"127.0.0.1"} == {API}


@pytest.mark.parametrize(
    ("file", "phone_number", "asked"),
    [("compose.yaml", "+14158675323", "ringback"), ("compose.by-name.yaml", "+14158675324", API)],
)
def test_compose_file_variables_direct_the_example_service_to_ringback(
    file: str, phone_number: str, asked: str, server: InterceptingServer, tmp_path: Path
) -> None:
    lines = exported(variables_of(file, server))
    names = {"ringback": server.proxy_address[1], API: server.tls_address[1]}

    with ExampleService(lines, tmp_path, names) as service:
        shown = service.verified("Ada", phone_number)

    assert shown["outcome"] == "verified"
    assert service.resolved_names - {"127.0.0.1"} == {asked}


def test_example_service_does_not_mention_ringback() -> None:
    files = [*FOLDER.glob("[!.]*/*.py"), *FOLDER.glob("*.txt"), *FOLDER.glob("*.ini"), FOLDER / "Dockerfile"]
    texts = {path.name: path.read_text(encoding="utf-8") for path in files}

    assert {"application.py", "test_application.py", "requirements.txt", "pytest.ini"} <= texts.keys()
    assert [name for name, text in texts.items() if "ringback" in text.lower()] == []

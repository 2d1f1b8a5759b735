"""The lines that `ringback env` prints."""

import shlex
import subprocess
from pathlib import Path

import pytest

from ringback.cli import CLIENT_NAMES
from ringback.client_lines import CLIENTS
from support.command import Command

pytest_plugins = ["support.system_fixtures"]

PROXY = "http://127.0.0.1:8011"
LINE_OF_CODE = {
    "ruby": 'Twilio.configure { |config| config.region = "local" }',
    "csharp": 'TwilioClient.SetRegion("local");',
}
"""What those that read no TWILIO_REGION are told instead."""


def variables(lines: str, folder: Path) -> dict[str, str]:
    """Return what a shell that runs the lines has afterwards, and had not before."""
    command = ["sh", "-euc", f"{lines}\nenv -0"]
    printed = subprocess.run(command, env={}, cwd=folder, check=True, capture_output=True, text=True).stdout  # noqa: S603
    pairs = (entry.partition("=") for entry in printed.split("\0") if entry)
    return {name: value for name, _, value in pairs if name not in {"PWD", "OLDPWD", "SHLVL", "_", "PATH"}}


def expected(client: str, folder: Path) -> dict[str, str]:
    bundle, both = str(folder / "bundle.pem"), {"HTTPS_PROXY": PROXY, "https_proxy": PROXY}
    java = f"-Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=8011 -Djavax.net.ssl.trustStore={folder}/truststore.p12"
    return {
        "python": both | {"REQUESTS_CA_BUNDLE": bundle},
        "python-async": both | {"SSL_CERT_FILE": bundle},
        "node": {"HTTP_PROXY": PROXY, "NODE_EXTRA_CA_CERTS": str(folder / "authority.pem")},
        "php": both | {"PHP_INI_SCAN_DIR": f":{folder}/php"},
        "ruby": both | {"SSL_CERT_FILE": bundle},
        "go": both | {"SSL_CERT_FILE": bundle},
        "csharp": both | {"SSL_CERT_FILE": bundle},
        "java": {
            "JAVA_TOOL_OPTIONS": f"{java} -Djavax.net.ssl.trustStoreType=PKCS12"
            " -Djavax.net.ssl.trustStorePassword=changeit"
        },
    }[client] | ({} if client in LINE_OF_CODE else {"TWILIO_REGION": "local"})


def test_the_clients_that_can_be_named_are_those_there_are_lines_for() -> None:
    assert tuple(CLIENTS) == CLIENT_NAMES


@pytest.mark.parametrize("client", CLIENT_NAMES)
def test_each_client_is_told_what_it_reads_and_no_secret(client: str, command: Command, tmp_path: Path) -> None:
    finished = command("env", "--client", client)

    assert finished.status == 0
    assert finished.err.startswith("ringback: made a new authority in ")
    assert variables(finished.out, tmp_path) == expected(client, tmp_path / "ringback-authority")
    assert "ringbackringback" not in finished.out


@pytest.mark.parametrize("client", LINE_OF_CODE)
def test_who_reads_no_region_is_told_the_line_of_code_that_sets_it(client: str, command: Command) -> None:
    finished = command("env", "--client", client)

    assert f"\n#   {LINE_OF_CODE[client]}\n" in finished.out


def test_settings_and_options_lead_elsewhere(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGBACK_DATABASE_URL", f"sqlite:///{tmp_path}/some data/x.db")
    monkeypatch.setenv("RINGBACK_INTERCEPT_HOST", "0.0.0.0")  # noqa: S104

    finished = command("env", "--client", "node", "--intercept-port", "9")

    assert variables(finished.out, tmp_path) == {
        "HTTP_PROXY": "http://127.0.0.1:9",
        "NODE_EXTRA_CA_CERTS": f"{tmp_path}/some data/ringback-authority/authority.pem",
        "TWILIO_REGION": "local",
    }


@pytest.mark.parametrize("name", ["some data", "it's", "a \"b\" 'c'", "tab\there"])
def test_javas_options_have_any_folder(command: Command, tmp_path: Path, name: str) -> None:
    finished = command("env", "--client", "java", "--authority-folder", name)

    options = shlex.split(variables(finished.out, tmp_path)["JAVA_TOOL_OPTIONS"])
    assert f"-Djavax.net.ssl.trustStore={tmp_path}/{name}/truststore.p12" in options


@pytest.mark.parametrize("name", ["a:b", 'a"b', "a;b", "${HOME}", "a\\b"])
def test_a_folder_that_php_cannot_be_told_of_is_one_clear_line(command: Command, name: str) -> None:
    finished = command("env", "--client", "php", "--authority-folder", name)

    assert (finished.status, finished.out) == (2, "")
    assert f"/{name}: choose another one by --authority-folder" in finished.complaints[-1]


def test_php_finds_settings_in_its_folder(command: Command, tmp_path: Path) -> None:
    command("env", "--client", "php", "--authority-folder", "trust")

    written = (tmp_path / "trust/php/ringback.ini").read_text()
    assert written == f'curl.cainfo="{tmp_path}/trust/bundle.pem"\nopenssl.cafile="{tmp_path}/trust/bundle.pem"\n'


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("--client", "cobol"), 2, "invalid choice: 'cobol'"),
        ((), 2, "--client"),
        (("--client", "go", "--intercept-port", "0"), 2, "--intercept-port"),
        (("--client", "go", "--authority-folder", "/dev/null/x"), 1, "no authority can be kept in /dev/null/x"),
    ],
)
def test_what_cannot_be_is_one_clear_line(command: Command, arguments: tuple[str, ...], status: int, said: str) -> None:
    finished = command("env", *arguments)

    [line] = finished.complaints
    assert (finished.status, finished.out) == (status, "")
    assert said in line

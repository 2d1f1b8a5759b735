"""The output of `ringback env`."""

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from ringback.commands.env import CLIENTS
from ringback.commands.main import CLIENT_NAMES
from support.clients.isolated import REACHES_TWILIO
from support.clients.table import TableRow, table_rows
from support.servers.command import Command

PROXY = "http://127.0.0.1:8011"
LINE_OF_CODE = {
    "ruby": 'Twilio.configure { |config| config.region = "local" }',
    "csharp": 'TwilioClient.SetRegion("local");',
}
"""Code that sets the region, for clients that do not read TWILIO_REGION."""


@pytest.fixture(autouse=True)
def _no_proxy_or_node_options(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy", "NODE_OPTIONS"):
        monkeypatch.delenv(name, raising=False)


def variables(lines: str, folder: Path) -> dict[str, str]:
    """Run the lines in a shell, and return the variables that they add."""
    command = ["sh", "-euc", f"{lines}\nenv -0"]
    printed = subprocess.run(command, env={}, cwd=folder, check=True, capture_output=True, text=True).stdout  # noqa: S603
    pairs = (entry.partition("=") for entry in printed.split("\0") if entry)
    return {name: value for name, _, value in pairs if name not in {"PWD", "OLDPWD", "SHLVL", "_", "PATH"}}


def notes(lines: str) -> list[str]:
    """Return the comments among the lines."""
    return [shlex.split(line)[1] for line in lines.splitlines() if line.startswith(": ")]


def expected(client: str, folder: Path) -> dict[str, str]:
    bundle = str(folder / "bundle.pem")
    proxies = dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"), PROXY)
    proxies |= dict.fromkeys(("NO_PROXY", "no_proxy"), "localhost,127.0.0.1,::1")
    java = "-Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort=8011 -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=8011"
    variables = {
        "python": proxies | {"REQUESTS_CA_BUNDLE": bundle, "SSL_CERT_FILE": bundle},
        "node": proxies
        | {
            "NODE_EXTRA_CA_CERTS": str(folder / "authority.pem"),
            "NODE_USE_ENV_PROXY": "1",
            "NODE_OPTIONS": f"--require {folder}/node-redirect.cjs",
            "RINGBACK_PROXY": PROXY,
            "npm_config_proxy": PROXY,
            "npm_config_https_proxy": PROXY,
        },
        "php": proxies | {"PHP_INI_SCAN_DIR": f":{folder}/php"},
        "ruby": proxies | {"SSL_CERT_FILE": bundle},
        "curl": proxies | {"SSL_CERT_FILE": bundle, "CURL_CA_BUNDLE": bundle},
        "java": {
            "JAVA_TOOL_OPTIONS": f"{java} -Djavax.net.ssl.trustStore={folder}/truststore.p12"
            " -Djavax.net.ssl.trustStoreType=PKCS12 -Djavax.net.ssl.trustStorePassword=changeit"
        },
    }
    variables |= {"python-async": variables["python"], "go": variables["ruby"], "csharp": variables["ruby"]}
    variables["any"] = {name: value for each in variables.values() for name, value in each.items()}
    return variables[client] | ({} if client in LINE_OF_CODE else {"TWILIO_REGION": "local"})


def test_client_option_accepts_exactly_the_clients_that_have_lines() -> None:
    assert tuple(CLIENTS) == CLIENT_NAMES


@pytest.mark.parametrize("client", CLIENT_NAMES)
def test_lines_of_each_client_contain_its_variables_and_no_secret(
    client: str, command: Command, tmp_path: Path
) -> None:
    finished = command("env", "--client", client)

    assert finished.status == 0
    assert finished.complaints[0].startswith("ringback: created a new certificate authority in ")
    assert variables(finished.out, tmp_path) == expected(client, tmp_path / "ringback-authority")
    assert "feedface" not in finished.out


@pytest.mark.parametrize("client", LINE_OF_CODE)
def test_client_that_does_not_read_the_region_gets_a_line_of_code_that_sets_it(client: str, command: Command) -> None:
    finished = command("env", "--client", client)

    assert LINE_OF_CODE[client] in [line.strip() for line in notes(finished.out)]


@pytest.mark.parametrize("client", CLIENT_NAMES)
def test_printed_lines_are_exports_or_null_commands(client: str, command: Command) -> None:
    lines = command("env", "--client", client).out.splitlines()

    assert [line for line in lines if not line.startswith((": '", "export "))] == []
    assert any(line.startswith("export ") for line in lines)


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_printed_lines_can_be_evaluated_by_an_interactive_zsh(command: Command, tmp_path: Path) -> None:
    lines = command("env", "--client", "any").out

    program = ["zsh", "-f", "-i", "-c", 'eval "$1"; echo "$HTTPS_PROXY"', "zsh", lines]
    finished = subprocess.run(program, cwd=tmp_path, check=True, capture_output=True, text=True)  # noqa: S603

    assert (finished.stdout, finished.stderr) == (f"{PROXY}\n", "")


@pytest.mark.parametrize("lines", ["its own", "any"])
@pytest.mark.parametrize(
    "row", [row for row in table_rows() if row.outcome == REACHES_TWILIO], ids=lambda row: row.name
)
def test_client_that_reaches_twilio_is_named_in_a_note(command: Command, row: TableRow, lines: str) -> None:
    finished = command("env", "--client", row.lines if lines == "its own" else "any")

    assert any(row.client in note and "reach Twilio" in note for note in notes(finished.out))


def test_settings_and_options_change_the_proxy_address(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RINGBACK_DATABASE_URL", f"sqlite:///{tmp_path}/some data/x.db")
    monkeypatch.setenv("RINGBACK_INTERCEPT_HOST", "0.0.0.0")  # noqa: S104

    finished = command("env", "--client", "node", "--intercept-port", "9")

    folder, printed = tmp_path / "some data/ringback-authority", variables(finished.out, tmp_path)
    assert {printed[name] for name in ("HTTP_PROXY", "https_proxy", "RINGBACK_PROXY")} == {"http://127.0.0.1:9"}
    assert printed["NODE_EXTRA_CA_CERTS"] == f"{folder}/authority.pem"
    assert printed["NODE_OPTIONS"] == f'--require "{folder}/node-redirect.cjs"'


@pytest.mark.parametrize(
    ("given", "printed", "left_out"),
    [
        ("example.test, ::1", "example.test,::1,localhost,127.0.0.1", ""),
        ("example.test,*", "example.test,localhost,127.0.0.1,::1", "*"),
        (".twilio.com,a.test", "a.test,localhost,127.0.0.1,::1", ".twilio.com"),
        ("a.test api.twilio.com\tb.test", "a.test,b.test,localhost,127.0.0.1,::1", "api.twilio.com"),
        ("https://api.twilio.com,http://a.test", "http://a.test,localhost,127.0.0.1,::1", "https://api.twilio.com"),
        ("all://*, lio.com,a.test", "a.test,localhost,127.0.0.1,::1", "all://*, lio.com"),
        ("*.*.com,a.test", "a.test,localhost,127.0.0.1,::1", "*.*.com"),
        ("API.twilio.com:443,com,nottwilio.com", "nottwilio.com,localhost,127.0.0.1,::1", "API.twilio.com:443, com"),
        ("a.test twilio.com\tb.test", "a.test,b.test,localhost,127.0.0.1,::1", "twilio.com"),
        ("*io.com,a.test", "a.test,localhost,127.0.0.1,::1", "*io.com"),
    ],
)
def test_no_proxy_keeps_its_entries_except_those_that_cover_twilio(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, printed: str, left_out: str
) -> None:
    monkeypatch.setenv("NO_PROXY", given)

    finished = command("env", "--client", "curl")

    assert variables(finished.out, tmp_path)["NO_PROXY"] == variables(finished.out, tmp_path)["no_proxy"] == printed
    warned = [line for line in finished.complaints if "NO_PROXY" in line]
    assert [line.partition(" has ")[2].partition(", so")[0] for line in warned] == [left_out][: bool(left_out)]


@pytest.mark.parametrize("client", ["java", "any", "node"])
@pytest.mark.parametrize(
    ("options", "overrides"), [("-Dhttps.proxyHost=a.test", True), ("-Dhttp.nonProxyHosts=*", True), ("-Xmx1g", False)]
)
@pytest.mark.parametrize("name", ["_JAVA_OPTIONS", "JDK_JAVA_OPTIONS"])
def test_java_options_that_override_the_proxy_get_a_warning(
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    client: str,
    options: str,
    overrides: bool,  # noqa: FBT001
    name: str,
) -> None:
    monkeypatch.setenv(name, options)

    finished = command("env", "--client", client)

    warned = [line for line in finished.complaints if f"{name} has proxy options" in line]
    assert len(warned) == (1 if overrides and client != "node" else 0)


@pytest.mark.parametrize("name", ["trust", "some trust", 'a "b"', "back\\slash"])
def test_node_options_are_kept_and_the_redirect_is_added_once(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("NODE_OPTIONS", "--max-old-space-size=4096")
    arguments = ("env", "--client", "node", "--authority-folder", name)

    first = variables(command(*arguments).out, tmp_path)["NODE_OPTIONS"]
    monkeypatch.setenv("NODE_OPTIONS", first)
    again = variables(command(*arguments).out, tmp_path)["NODE_OPTIONS"]

    assert again == first
    assert first.count("--require") == first.count("--max-old-space-size=4096") == 1


def test_client_any_omits_php_if_php_cannot_use_the_folder(command: Command, tmp_path: Path) -> None:
    finished = command("env", "--client", "any", "--authority-folder", "a;b")

    assert finished.status == 0
    assert "PHP_INI_SCAN_DIR" not in variables(finished.out, tmp_path)
    assert any("PHP cannot use a folder" in note for note in notes(finished.out))


@pytest.mark.parametrize("name", ["some data", "it's", "a \"b\" 'c'", "tab\there"])
def test_java_options_can_name_any_folder(command: Command, tmp_path: Path, name: str) -> None:
    finished = command("env", "--client", "java", "--authority-folder", name)

    options = shlex.split(variables(finished.out, tmp_path)["JAVA_TOOL_OPTIONS"])
    assert f"-Djavax.net.ssl.trustStore={tmp_path}/{name}/truststore.p12" in options


@pytest.mark.parametrize("name", ["a:b", 'a"b', "a;b", "${HOME}", "a\\b"])
def test_folder_that_php_cannot_use_is_reported_in_one_line(command: Command, name: str) -> None:
    finished = command("env", "--client", "php", "--authority-folder", name)

    assert (finished.status, finished.out) == (2, "")
    assert f"/{name}: choose another one with --authority-folder" in finished.complaints[-1]


def test_php_finds_settings_in_its_folder(command: Command, tmp_path: Path) -> None:
    command("env", "--client", "php", "--authority-folder", "trust")

    written = (tmp_path / "trust/php/ringback.ini").read_text()
    assert written == f'curl.cainfo="{tmp_path}/trust/bundle.pem"\nopenssl.cafile="{tmp_path}/trust/bundle.pem"\n'


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("--client", "cobol"), 2, "unknown client 'cobol'. Clients: any, python, "),
        (("--client", "pyhton"), 2, "unknown client 'pyhton'. Did you mean 'python'?"),
        (("--client", "Ruby"), 2, "Did you mean 'ruby'?"),
        ((), 2, "--client"),
        (("--client", "go", "--intercept-port", "0"), 2, "--intercept-port"),
        (
            ("--client", "go", "--authority-folder", "/dev/null/x"),
            1,
            "cannot keep the certificate authority in /dev/null/x",
        ),
    ],
)
def test_invalid_arguments_of_env_are_reported_in_one_line(
    command: Command, arguments: tuple[str, ...], status: int, said: str
) -> None:
    finished = command("env", *arguments)

    [line] = finished.complaints
    assert (finished.status, finished.out) == (status, "")
    assert said in line

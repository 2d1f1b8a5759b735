"""The versions of clients that `ringback env` finds, and its warnings about old ones."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ringback.commands import client_versions
from ringback.commands.client_versions import LIBRARIES, reads_proxy_variables, safe_version_note, version_warnings
from ringback.commands.main import CLIENT_NAMES
from support.waiting import PROGRAM_SECONDS

OLD_AND_SAFE = {
    "node_modules/twilio/package.json": ("node", '{{"name": "twilio", "version": "{}"}}', "3.43.0", "3.56.0"),
    "requirements.txt": ("python", "fastapi==0.1\nTwilio=={}\n", "7.9.0", "7.9.1"),
    "requirements-dev.txt": ("python", "twilio == {} ; python_version > '3'\n", "6.39", "9.13.0"),
    "uv.lock": ("python", '[[package]]\nname = "twilio"\nversion = "{}"\n', "6.63.2", "9.0.0"),
    "poetry.lock": ("python-async", '[[package]]\nname = "twilio"\nversion = "{}"\n', "7.16.5", "8.0.0"),
    "Pipfile.lock": ("python", '{{"twilio": {{"hashes": ["x"], "version": "=={}"}}}}', "7.0.0", "7.10.0"),
    ".venv/lib/python3.12/site-packages/twilio-{}.dist-info/METADATA": ("python", "", "7.8.2", "8.0.1"),
    "composer.lock": ("php", '{{"name": "twilio/sdk",\n "version": "{}"}}', "6.4.1", "7.0.0"),
    "Gemfile.lock": ("ruby", "GEM\n  specs:\n    twilio-ruby ({})\n", "5.2.0", "7.11.1"),
    "pom.xml": ("java", "<artifactId>twilio</artifactId>\n<version>{}</version>", "7.55.3", "10.1.0"),
    "build.gradle.kts": ("java", 'implementation("com.twilio.sdk:twilio:{}")', "7.1.0", "12.0.0"),
    "go.mod": ("go", "require github.com/twilio/twilio-go v{}\n", "1.0.0", "1.30.9"),
    "app.csproj": ("csharp", '<PackageReference Include="Twilio" Version="{}" />', "5.0.1", "7.14.9"),
}


@pytest.fixture(autouse=True)
def _nothing_installed_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


def write(folder: Path, name: str, content: str, version: str) -> None:
    file = folder / name.format(version)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content.format(version))


def install_node(folder: Path, answer: str) -> None:
    node = folder / "bin/node"
    node.parent.mkdir(exist_ok=True)
    node.write_text(f"#!/bin/sh\n{answer}\n")
    node.chmod(0o755)


@pytest.mark.parametrize("name", OLD_AND_SAFE)
def test_unsafe_version_gets_a_warning_that_names_its_file(tmp_path: Path, name: str) -> None:
    client, content, old, _ = OLD_AND_SAFE[name]
    write(tmp_path, name, content, old)

    [warning] = version_warnings(client, tmp_path)

    assert f" {old} in {tmp_path}" in warning
    assert "lowest safe version" in warning
    assert warning in version_warnings("any", tmp_path) or client == "python-async"


@pytest.mark.parametrize("name", OLD_AND_SAFE)
def test_safe_version_gets_no_warning(tmp_path: Path, name: str) -> None:
    client, content, _, safe = OLD_AND_SAFE[name]
    write(tmp_path, name, content, safe)

    assert version_warnings(client, tmp_path) == []


ENDLESS = {
    "Pipfile.lock": '"twilio": {',
    "poetry.lock": 'name = "twilio"          ',
    "requirements.txt": "twilio          \n",
    "composer.lock": '"name": "twilio/sdk",          ',
    "pom.xml": "<artifactId>twilio</artifactId>          ",
    "Gemfile.lock": "    twilio-ruby (1.1.1.1.1",
}
PROGRAM = """
import sys
from pathlib import Path
from ringback.commands.client_versions import MAX_FILE_BYTES, version_warnings
file = Path(sys.argv[1])
file.write_text((sys.argv[2] * MAX_FILE_BYTES)[:MAX_FILE_BYTES])
version_warnings("any", file.parent)
"""


@pytest.mark.parametrize("name", ENDLESS)
def test_malformed_file_does_not_take_quadratic_time(tmp_path: Path, name: str) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / name), ENDLESS[name]]

    finished = subprocess.run(command, check=False, timeout=PROGRAM_SECONDS)  # noqa: S603

    assert finished.returncode == 0


@pytest.mark.parametrize("variable", ["VIRTUAL_ENV", "PATH"])
def test_version_of_the_active_python_environment_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    place = tmp_path / "environment"
    write(place, "lib/python3.11/site-packages/twilio-{}.dist-info/METADATA", "", "6.0.0")
    write(place, "bin/python3", "#!/bin/sh\nexit 1\n", "")
    (place / "bin/python3").chmod(0o755)
    monkeypatch.setenv(variable, str(place / "bin" if variable == "PATH" else place))

    [warning] = version_warnings("python", tmp_path / "elsewhere")

    assert "twilio for Python 6.0.0 in " in warning


def test_unreadable_version_files_are_ignored(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "composer.lock")
    (tmp_path / "go.mod").mkdir()
    (tmp_path / "Gemfile.lock").symlink_to("Gemfile.lock")
    (tmp_path / "pom.xml").write_bytes(b"\xff\x00<artifactId>twilio</artifactId>\n<version>x</version>")

    assert version_warnings("any", tmp_path) == []
    assert version_warnings("any", tmp_path / "missing") == []


@pytest.mark.parametrize(
    ("version", "heeds"),
    [
        ("v14.21.3", False),
        ("v20.20.2", False),
        ("v22.20.0", False),
        ("v22.21.0", True),
        ("v23.11.0", False),
        ("v24.0.0", False),
        ("v24.4.1", False),
        ("v24.5.0", True),
        ("v25.9.0", True),
    ],
)
def test_node_that_ignores_proxy_variables_gets_a_warning(tmp_path: Path, version: str, heeds: bool) -> None:  # noqa: FBT001
    install_node(tmp_path, f"echo {version}")

    warnings = version_warnings("node", tmp_path)

    assert bool(warnings) is not heeds
    assert reads_proxy_variables(tuple(map(int, version[1:].split(".")))) is heeds
    assert all(f"Node {version[1:]} ignores the proxy variables in " in warning for warning in warnings)
    assert all(("fetch" in warning) is (version < "v24") for warning in warnings)


@pytest.mark.parametrize("answer", ["exit 1", "echo nonsense", "printf '\\377'", "exec sleep 60"])
def test_node_without_a_version_gets_no_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    install_node(tmp_path, f"PATH=/usr/bin:/bin; {answer}")
    monkeypatch.setattr(client_versions, "NODE_SECONDS", 0.5)

    assert version_warnings("node", tmp_path) == []


def test_node_version_is_checked_for_any_client_if_the_folder_has_a_package_file(tmp_path: Path) -> None:
    install_node(tmp_path, "echo v20.0.0")
    before = version_warnings("any", tmp_path)
    (tmp_path / "package.json").write_text("{}")

    [warning] = version_warnings("any", tmp_path)

    assert before == []
    assert warning.startswith("Node 20.0.0 ignores the proxy variables")


def test_node_version_is_not_checked_for_other_clients(tmp_path: Path) -> None:
    install_node(tmp_path, f"touch {tmp_path}/asked; echo v20.0.0")

    assert version_warnings("python", tmp_path) == []
    assert not (tmp_path / "asked").exists()


@pytest.mark.parametrize("client", CLIENT_NAMES)
def test_lowest_safe_versions_are_named_for_each_client(client: str) -> None:
    assert len(safe_version_note(client)) == len(LIBRARIES[client])
    assert all(text.startswith("Lowest safe version of ") for text in safe_version_note(client))

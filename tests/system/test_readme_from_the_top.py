"""README from top to bottom: its commands as printed, in a fresh folder and in the terminals that it names."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from support.programs import run_alone
from support.readme import ROOT, block_names, readme_block
from support.server import free_port
from support.waiting import eventually

SHELL_BLOCKS = ["start", "curl-session", "intercept-start", "intercept-session", "control-session"]
"""README's commands, in its order."""
CHECKOUT = ("Makefile", "pyproject.toml", "constraints.txt", "README.md")
STOP_SECONDS = 60.0
WAIT_FOR_THE_CALL = r"""
sleep() {
  until curl -sS -u "$AC:ringbackringbackringbackringback" "$URL" | grep -q '"phone_number":"+14158675309"'; do
    command sleep 0.1
  done
}
"""
"""README's `sleep 5`, however slow the machine is."""
APPLICATION = """
from twilio.rest import Client
client = Client("AC00000000000000000000000000000001", "ringbackringbackringbackringback")
print(*(caller_id.phone_number for caller_id in client.outgoing_caller_ids.list()))
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Give a folder like a fresh checkout in which `make` has installed what serving needs."""
    for name in CHECKOUT:
        shutil.copyfile(ROOT / name, tmp_path / name)
    environment = tmp_path / ".venv"
    environment.mkdir()
    for name in ("bin", "lib"):
        (environment / name).symlink_to(Path(sys.prefix) / name)
    shutil.copyfile(Path(sys.prefix) / "pyvenv.cfg", environment / "pyvenv.cfg")
    (environment / ".installed").touch()
    return tmp_path


@pytest.fixture
def variables() -> dict[str, str]:
    """Give README's default ports other numbers: those may be in use on this machine."""
    return {"RINGBACK_PORT": str(free_port()), "RINGBACK_INTERCEPT_PORT": str(free_port()), "NO_PROXY": ""}


@contextmanager
def first_terminal(block: str, folder: Path, variables: Mapping[str, str]) -> Iterator[None]:
    """Run a block that serves until Ctrl-C, which ends it; wait until its server is ready."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "RINGBACK_"))}
    with (folder / f"{block}.log").open("w+") as log:
        command = ["sh", "-ec", f"exec {readme_block(block)}"]
        with subprocess.Popen(  # noqa: S603
            command,
            cwd=folder,
            env=inherited | dict(variables),
            stdout=log,
            stderr=log,
            start_new_session=True,
        ) as terminal:
            try:
                eventually(lambda: is_ready(terminal, folder, variables), what="the server is ready")
                yield
            finally:
                stop(terminal)


def is_ready(terminal: subprocess.Popen[bytes], folder: Path, variables: Mapping[str, str]) -> bool:
    assert terminal.poll() is None, [file.read_text() for file in folder.glob("*.log")]
    command = [str(folder / ".venv/bin/ringback"), "ready"]
    asked = subprocess.run(command, cwd=folder, env=dict(variables), capture_output=True, check=False)  # noqa: S603
    return asked.returncode == 0


def stop(terminal: subprocess.Popen[bytes]) -> None:
    """Press Ctrl-C, and wait until no process of the terminal is left."""
    with suppress(ProcessLookupError):
        os.killpg(terminal.pid, signal.SIGINT)
    try:
        terminal.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(terminal.pid, signal.SIGKILL)
        raise
    eventually(lambda: not has_processes(terminal.pid), what="every process of the terminal has ended")


def has_processes(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def typed(code: str, folder: Path, variables: Mapping[str, str]) -> list[str]:
    """Return the lines that a shell prints for commands that end by themselves."""
    code = code.replace("http://127.0.0.1:8010", f"http://127.0.0.1:{variables['RINGBACK_PORT']}")
    return run_alone(["sh", "-euc", code], folder, variables).splitlines()


def test_commands_of_readme_are_in_the_order_in_which_they_are_run() -> None:
    assert [name for name in block_names() if name in SHELL_BLOCKS] == SHELL_BLOCKS


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_commands_of_readme_work_from_the_top(checkout: Path, variables: dict[str, str]) -> None:
    with first_terminal("start", checkout, variables):
        request, listed = typed(WAIT_FOR_THE_CALL + readme_block("curl-session"), checkout, variables)
        program = readme_block("python-async-client").replace("8010", variables["RINGBACK_PORT"])
        verified = run_alone([sys.executable, "-c", program], checkout).splitlines()[-1]

    with first_terminal("intercept-start", checkout, variables):
        block = f"{readme_block('intercept-session')}exec {sys.executable} -c '{APPLICATION}'"
        [numbers] = typed(block, checkout, variables)
        last = typed(readme_block("control-session"), checkout, variables)[-1]

    assert json.loads(request)["phone_number"] == "+14158675309"
    assert [entry["phone_number"] for entry in json.loads(listed)["outgoing_caller_ids"]] == ["+14158675309"]
    assert verified.startswith("verified +14158675310: PN")
    assert sorted(numbers.split()) == ["+14158675309", "+14158675310"]
    assert [call["status"] for call in json.loads(last)["calls"]] == ["busy"]


def test_second_server_in_the_folder_is_told_what_to_do(checkout: Path, variables: dict[str, str]) -> None:
    command = [str(checkout / ".venv/bin/ringback"), "serve"]

    with first_terminal("intercept-start", checkout, variables):
        same = subprocess.run(command, cwd=checkout, env=variables, capture_output=True, text=True, check=False)  # noqa: S603
        other = subprocess.run(  # noqa: S603
            [*command, "--port", "0"], cwd=checkout, env=variables, capture_output=True, text=True, check=False
        )

    assert (same.returncode, other.returncode) == (1, 1)
    assert same.stderr == (
        f"ringback: port {variables['RINGBACK_PORT']} is already in use on 127.0.0.1. "
        "Stop the other process or choose another port with --port or RINGBACK_PORT.\n"
    )
    assert "stop it, or choose another file with --database-url or RINGBACK_DATABASE_URL" in other.stderr

"""Runs README and docs from top to bottom: commands as printed, in a new folder and in the terminals that they name."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from support.clients.programs import run_alone
from support.code_blocks import README, ROOT, block_names, client_page, docs_page, readme_block
from support.servers.server import free_port
from support.waiting import eventually

README_BLOCKS = ["start", "pytest-session", "intercept-start", "intercept-session", "base-url-session"]
"""The commands of README, in order."""
MAX_LINES = 8
MAX_BYTES = 8192
"""Maximum lines of a code block in README, and maximum size of README."""
CHECKOUT = ("Makefile", "pyproject.toml", "constraints.txt", "README.md")
STOP_SECONDS = 60.0
WAIT_FOR_THE_CALL = r"""
sleep() {
  until curl -sS -u "$AC:feedfacefeedfacefeedfacefeedface" "$URL" | grep -q '"phone_number":"+14158675NUMBER"'; do
    command sleep 0.1
  done
}
"""
"""Shell function that replaces `sleep 5` on the pages with a wait for the verified number, which also works on slow
machines."""
UNSET_PYTEST = "unset PYTEST_ADDOPTS PYTEST_CURRENT_TEST PYTEST_XDIST_WORKER PYTEST_XDIST_WORKER_COUNT || true"
"""Shell command that separates README's test suite from the one that runs it."""
APPLICATION = """
from twilio.rest import Client
client = Client()
print(*(caller_id.phone_number for caller_id in client.outgoing_caller_ids.list()))
"""

pytestmark = pytest.mark.slow


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Create a folder like a checkout after `make`."""
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
    """Return variables with free ports, because the default ones may be in use on this machine."""
    return {"RINGBACK_PORT": str(free_port()), "RINGBACK_INTERCEPT_PORT": str(free_port()), "NO_PROXY": ""}


@contextmanager
def first_terminal(block: str, folder: Path, variables: Mapping[str, str], *, page: Path = README) -> Iterator[None]:
    """Run a block that serves until Ctrl-C, and wait until its server is ready."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "RINGBACK_"))}
    with (folder / f"{block}.log").open("w+") as log:
        command = ["sh", "-ec", f"exec {readme_block(block, page=page)}"]
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
    """Press Ctrl-C, and wait until all processes of the terminal have ended."""
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
    """Run commands that end by themselves, and return their lines of output."""
    code = code.replace("http://127.0.0.1:8010", f"http://127.0.0.1:{variables['RINGBACK_PORT']}")
    return run_alone(["sh", "-euc", f"{UNSET_PYTEST}\n{code}"], folder, variables).splitlines()


def session_that_waits_for(number: str, code: str) -> str:
    """Return the code of a session whose `sleep` waits until the number is verified."""
    return WAIT_FOR_THE_CALL.replace("NUMBER", number) + code


def test_readme_is_short() -> None:
    lines = {name: len(readme_block(name).splitlines()) for name in block_names(README)}

    assert list(lines) == README_BLOCKS
    assert max(lines.values()) <= MAX_LINES
    assert README.stat().st_size <= MAX_BYTES


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_readme_commands_work_in_order(checkout: Path, variables: dict[str, str]) -> None:
    with first_terminal("start", checkout, variables):
        suite = typed(readme_block("pytest-session"), checkout, variables)

    with first_terminal("intercept-start", checkout, variables):
        second_terminal = session_that_waits_for(
            "310", readme_block("intercept-session") + readme_block("base-url-session")
        )
        called, request, listed = typed(second_terminal, checkout, variables)

    assert re.search(r"\b1 passed in ", suite[-1])
    assert re.fullmatch(r"Calling \+14158675309 - the code is \d{6}", called)
    assert json.loads(request)["phone_number"] == "+14158675310"
    numbers = [entry["phone_number"] for entry in json.loads(listed)["outgoing_caller_ids"]]
    assert sorted(numbers) == ["+14158675309", "+14158675310"]


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_docs_commands_work_in_the_order_of_the_pages(checkout: Path, variables: dict[str, str]) -> None:
    quick_start, interception = docs_page("quick-start"), docs_page("interception")
    installed = variables | {"PATH": f"{checkout / '.venv/bin'}{os.pathsep}{os.environ['PATH']}"}

    with first_terminal("start", checkout, variables, page=quick_start):
        session = session_that_waits_for("309", readme_block("curl-session", page=quick_start))
        request, listed = typed(session, checkout, variables)
        program = readme_block("python-async-client", page=client_page("python"))
        program = program.replace("8010", variables["RINGBACK_PORT"])
        verified = run_alone([sys.executable, "-c", program], checkout).splitlines()[-1]

    with first_terminal("interception-start", checkout, installed, page=interception):
        block = readme_block("interception-session", page=interception)
        [numbers] = typed(f"{block}exec {sys.executable} -c '{APPLICATION}'", checkout, installed)
        last = typed(readme_block("control-session", page=docs_page("control-api")), checkout, variables)[-1]

    assert json.loads(request)["phone_number"] == "+14158675309"
    assert [entry["phone_number"] for entry in json.loads(listed)["outgoing_caller_ids"]] == ["+14158675309"]
    assert verified.startswith("verified +14158675310: PN")
    assert sorted(numbers.split()) == ["+14158675309", "+14158675310"]
    assert [call["status"] for call in json.loads(last)["calls"]] == ["busy"]


def test_second_server_in_a_folder_is_refused_with_advice(checkout: Path, variables: dict[str, str]) -> None:
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

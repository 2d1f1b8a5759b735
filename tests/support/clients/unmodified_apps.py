"""Applications that use an official client as in production, and are redirected by environment variables alone."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from typing import Any

from support.clients.interception import InterceptingServer
from support.code_blocks import client_page, readme_block
from support.servers.server import ACCOUNT_SID, AUTH_TOKEN
from support.waiting import PROGRAM_SECONDS

REMOVED_SUFFIXES = (
    "_PROXY",
    "CA_BUNDLE",
    "SSL_CERT_FILE",
    "TWILIO_REGION",
    "TWILIO_EDGE",
    "NODE_EXTRA_CA_CERTS",
    "NODE_OPTIONS",
)
PYTHON_RECORDER = """
import json, os, socket
_real, _known = socket.getaddrinfo, json.loads(os.environ.get("KNOWN_NAMES", "{}"))
def _recorded(host, *arguments, **options):
    with open(os.environ["LOOKED_UP"], "a") as names:
        names.write(f"{host}\\n")
    if host in _known:
        host, arguments = "127.0.0.1", (_known[host], *arguments[1:])
    if str(host) not in ("127.0.0.1", "localhost"):
        raise socket.gaierror(socket.EAI_NONAME, "the tests look nothing up")
    return _real(host, *arguments, **options)
socket.getaddrinfo = _recorded
"""
NODE_RECORDER = """
const dns = require("dns"), fs = require("fs"), real = dns.lookup;
dns.lookup = (host, options, callback) => {
  fs.appendFileSync(process.env.LOOKED_UP, host + "\\n");
  if (host === "127.0.0.1" || host === "localhost") return real(host, options, callback);
  const fail = typeof options === "function" ? options : callback;
  process.nextTick(fail, Object.assign(new Error("the tests look nothing up"), { code: "ENOTFOUND" }));
};
"""
"""Code loaded into Node applications: it records every name that they resolve, and resolves only localhost.

PYTHON_RECORDER also resolves the names in KNOWN_NAMES to 127.0.0.1, each with its own port."""


def printed_lines(client: str, server: InterceptingServer) -> str:
    """Return the output of `ringback env` for a client, run in the server's working directory."""
    own = {name: value for name, value in os.environ.items() if not name.upper().startswith("RINGBACK_")}
    port = str(server.proxy_address[1])
    command = [sys.executable, "-m", "ringback", "env", "--client", client, "--intercept-port", port]
    finished = subprocess.run(  # noqa: S603
        command, cwd=server.trust.parent, env=own, check=True, capture_output=True, text=True, timeout=PROGRAM_SECONDS
    )
    assert "created a new certificate authority" not in finished.stderr
    return finished.stdout


def printed_block(client: str, server: InterceptingServer, *, page: str = "") -> str:
    """Return the block ``CLIENT-intercepted`` of a client's page as shell code.

    The code first exports the variables that a terminal in the server's working directory would have.
    """
    surroundings = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "RINGBACK_INTERCEPT_PORT": str(server.proxy_address[1]),
        "RINGBACK_AUTHORITY_FOLDER": str(server.trust),
    }
    lines = [f"export {name}={quote(value)}" for name, value in surroundings.items()]
    return "\n".join([*lines, readme_block(f"{client}-intercepted", page=client_page(page or client))])


class UnmodifiedPrograms:
    """A shell that executes `lines`, then runs unmodified programs, and records the host names that they resolve."""

    def __init__(self, lines: str, folder: Path) -> None:
        self._lines = lines
        self._folder = folder
        self._looked_up = folder / "looked-up"

    def python(self, program: str) -> Any:
        """Run a Python program, and return its output parsed as JSON."""
        return self._run([sys.executable, "-c", program], self._recorded_python(), self._folder)

    def start_python(
        self, *arguments: str, folder: Path, names: Mapping[str, int] | None = None
    ) -> "subprocess.Popen[bytes]":
        """Start Python with these arguments in `folder`.

        The host names in `names` resolve to 127.0.0.1, each with its own port.
        """
        variables = self._recorded_python() | {"KNOWN_NAMES": json.dumps(dict(names or {}))}
        return subprocess.Popen(  # noqa: S603
            self._in_shell([sys.executable, *arguments]),
            cwd=folder,
            env=self._environment(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def _recorded_python(self) -> dict[str, str]:
        (self._folder / "sitecustomize.py").write_text(PYTHON_RECORDER)
        return {"PYTHONPATH": os.pathsep.join(filter(None, [str(self._folder), os.environ.get("PYTHONPATH")]))}

    def node(self, program: str, modules: Path) -> Any:
        """Run a Node program that imports packages from `modules`, and return its output parsed as JSON."""
        recorder, node = self._folder / "recorder.js", shutil.which("node")
        recorder.write_text(NODE_RECORDER)
        assert node is not None
        return self._run([node, "--require", str(recorder), "--eval", program], {}, modules)

    def start_node(self, program: str, modules: Path, variables: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        """Start a Node program in `modules`, from which it imports packages."""
        recorder, node = self._folder / "recorder.js", shutil.which("node")
        recorder.write_text(NODE_RECORDER)
        assert node is not None
        return subprocess.Popen(  # noqa: S603
            self._in_shell([node, "--require", str(recorder), "--eval", program]),
            cwd=modules,
            env=self._environment(dict(variables)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def java(self, program: str, *arguments: str) -> Any:
        """Run a Java program with the class Application, and return its output parsed as JSON."""
        file, java = self._folder / "Application.java", shutil.which("java")
        file.write_text(program)
        assert java is not None
        return self._run([java, str(file), *arguments], {}, self._folder)

    def run(self, command: list[str]) -> Any:
        """Run a command, and return its output parsed as JSON."""
        return self._run(command, {}, self._folder)

    def _in_shell(self, command: list[str]) -> list[str]:
        return ["sh", "-euc", f'{self._lines}\nexec "$@"', "sh", *command]

    def _environment(self, variables: dict[str, str]) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.upper().endswith(REMOVED_SUFFIXES)}
        account = {
            "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
            "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
            "LOOKED_UP": str(self._looked_up),
        }
        return inherited | account | variables

    def _run(self, command: list[str], variables: dict[str, str], folder: Path) -> Any:
        finished = subprocess.run(  # noqa: S603
            self._in_shell(command),
            cwd=folder,
            env=self._environment(variables),
            capture_output=True,
            text=True,
            check=False,
            timeout=PROGRAM_SECONDS,
        )
        assert finished.returncode == 0, finished.stderr
        return json.loads(finished.stdout)

    @property
    def resolved_names(self) -> set[str]:
        """The host names and addresses that the programs resolved."""
        return set(self._looked_up.read_text().split()) if self._looked_up.exists() else set()

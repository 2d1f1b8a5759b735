"""The command `ringback ready` without options, for the health checks of containers, which run every few seconds.

It imports neither the settings nor Python's HTTP client, because these imports would take most of its time.
"""

import json
import socket
from typing import Any

from ringback.commands.exit_status import FAILED, OK, fail
from ringback.config.addresses import base_url, local_address, plain_address

TIMEOUT_SECONDS = 3.0
MAX_ANSWER_BYTES = 64 * 1024
_SUCCESS = 200


def run() -> int | None:
    """Ask the configured server whether it is ready, and return the exit status.

    Return None if this requires the settings or a complete HTTP client, as in `ringback.commands.ready`.
    """
    address = plain_address()
    if address is None:
        return None
    try:
        status, body = _get_ready(*address)
    except OSError as error:
        return report(base_url(*address), connection_reason(error))
    except ValueError:
        return None
    return OK if status == _SUCCESS else report(base_url(*address), answered_reason(status, body))


def _get_ready(host: str, port: int) -> tuple[int, bytes]:
    """Return status and body of ``GET /readyz``. Raises OSError, or ValueError if the answer is not HTTP."""
    name: Any = local_address(host).encode("ascii")  # bytes, because for a string Python imports its IDNA codec
    with socket.create_connection((name, port), timeout=TIMEOUT_SECONDS) as connection:
        connection.sendall(b"GET /readyz HTTP/1.0\r\nHost: localhost:%d\r\n\r\n" % port)
        answer = b""
        while len(answer) < MAX_ANSWER_BYTES and (received := connection.recv(MAX_ANSWER_BYTES)):
            answer += received
    head, _, body = answer.partition(b"\r\n\r\n")
    protocol, _, rest = head.partition(b" ")
    if not protocol.startswith(b"HTTP/"):
        raise ValueError("the answer is not HTTP")
    return int(rest[:3]), body


def report(url: str, reason: str) -> int:
    """Print the reason why the server at this base URL is not ready, and return the exit status."""
    return fail(FAILED, f"{url} is not ready: {reason}")


def answered_reason(status: int, body: bytes) -> str:
    """Return the reason why a server is not ready, from its answer to ``GET /readyz``."""
    try:
        return str(json.loads(body)["reason"])
    except (ValueError, TypeError, KeyError):
        return f"it answers with status {status}. Is it a ringback server?"


def connection_reason(error: object) -> str:
    """Return the reason why a server cannot be asked, from the connection error."""
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there. Start the server with `ringback serve`, or name another one with --url."
    return str(error) or type(error).__name__

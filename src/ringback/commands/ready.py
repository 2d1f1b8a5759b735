"""The command `ringback ready`: ask a server whether it is ready."""

from contextlib import closing
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

from ringback.commands.exit_status import OK, WRONG_USAGE, fail
from ringback.commands.health_check import (
    MAX_ANSWER_BYTES,
    TIMEOUT_SECONDS,
    answered_reason,
    connection_reason,
    report,
)
from ringback.config.addresses import base_url
from ringback.config.settings import read_settings

DEFAULT_HOST = "127.0.0.1"


class WrongUrl(Exception):
    """A string that is not the URL of a server; the message is for the user."""


def run(url: str | None) -> int:
    """Ask the server at `url`, by default the configured one, whether it is ready, and return the exit status."""
    try:
        base = _configured_url() if url is None else server_url(url)
    except WrongUrl as error:
        return fail(WRONG_USAGE, str(error))
    reason = reason_not_ready(base)
    return report(base, reason) if reason else OK


def _configured_url() -> str:
    settings = read_settings({})
    return base_url(settings.host, settings.port)


def server_url(text: str) -> str:
    """Return the base URL for a string such as ``127.0.0.1:8010``, ``localhost``, ``8010`` or a whole URL.

    Raises WrongUrl.
    """
    written = text.strip()
    if "://" not in written:
        is_port = written.isascii() and written.removeprefix(":").isdigit()
        written = f"http://{DEFAULT_HOST}:{written.removeprefix(':')}" if is_port else f"http://{written}"
    try:
        parts = urlsplit(written)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise WrongUrl(f"{_without_password(text)} is not the URL of a server: {error}") from error
    if parts.scheme not in ("http", "https") or not host or not host.isascii():
        raise WrongUrl(f"{_without_password(text)} is not the URL of a server, such as http://127.0.0.1:8010")
    netloc = base_url(host, port).partition("://")[2] if port else parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{netloc}{parts.path.rstrip('/').removesuffix('/readyz')}"


def _without_password(text: str) -> str:
    return repr(text.rpartition("@")[2])


def reason_not_ready(url: str) -> str | None:
    """Return the reason why the server at this base URL is not ready, or None if it is ready."""
    no_proxy = build_opener(ProxyHandler({}))
    try:
        with no_proxy.open(f"{url}/readyz", timeout=TIMEOUT_SECONDS):
            return None
    except HTTPError as error:
        with closing(error):
            return _answered_reason(error)
    except URLError as error:
        return connection_reason(error.reason)
    except (HTTPException, OSError, ValueError) as error:
        return connection_reason(error)


def _answered_reason(error: HTTPError) -> str:
    try:
        body = error.read(MAX_ANSWER_BYTES)
    except (HTTPException, OSError):
        body = b""
    return answered_reason(error.code, body)

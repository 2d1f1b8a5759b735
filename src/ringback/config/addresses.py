"""The server's addresses for clients on this machine, and a reader of the configured address without other settings."""

import os
import re

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8010
ENV_FILE = ".env"

_LOCAL_ADDRESSES = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - looked up, not listened on
_PLAIN_HOST = re.compile(r"[0-9A-Za-z.:-]+")
_PLAIN_PORT = re.compile(r"[0-9]{1,5}")
_HIGHEST_PORT = 65_535


def base_url(host: str, port: int) -> str:
    """Return the URL at which a client on this machine reaches a server that listens on `host` and `port`."""
    name = local_address(host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def local_address(host: str) -> str:
    """Return the address at which a client on this machine reaches a server that listens on `host`."""
    return _LOCAL_ADDRESSES.get(host, host)


def plain_address() -> tuple[str, int] | None:
    """Return the settings `host` and `port`, or None if reading them needs the validators or the ``.env`` file.

    A health check needs no other setting, and importing the settings takes most of its time.
    """
    try:
        os.getcwd()  # noqa: PTH109 - pathlib takes 5 ms to import
    except OSError:  # it was deleted
        return None
    if os.path.lexists(ENV_FILE):
        return None
    variables = {name.upper(): value for name, value in os.environ.items()}
    host = variables.get("RINGBACK_HOST") or DEFAULT_HOST
    port = variables.get("RINGBACK_PORT") or str(DEFAULT_PORT)
    if not _PLAIN_HOST.fullmatch(host) or not _PLAIN_PORT.fullmatch(port) or int(port) > _HIGHEST_PORT:
        return None
    return host, int(port)

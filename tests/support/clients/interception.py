"""Servers with interception, and clients that connect to them through the proxy."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from support.servers.server import ACCOUNT_SID, AUTH_TOKEN, ServerProcess
from support.waiting import PATIENCE_SECONDS

LIST = f"/2010-04-01/Accounts/{ACCOUNT_SID}/OutgoingCallerIds.json"
MESSAGES = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"


class InterceptingServer(ServerProcess):
    """A server with the proxy and TLS on free ports. Its certificate authority is below `folder`."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        wanted = {"intercept": True, "intercept_port": 0, "tls_port": 0, "ring_seconds": 0.02, "key_seconds": 0.02}
        super().__init__(cwd=folder, **(wanted | settings))
        self.trust = folder / "ringback-authority"

    @property
    def _serving(self) -> dict[str, Any]:
        return self.wait_for_log(lambda line: line.get("event") == "serving")

    @property
    def proxy(self) -> str:
        return str(self._serving["proxy"])

    @property
    def proxy_address(self) -> tuple[str, int]:
        """The proxy's host and port."""
        return "127.0.0.1", urlsplit(self.proxy).port or 0

    @property
    def tls_address(self) -> tuple[str, int]:
        """The host and port of the TLS listener."""
        return "127.0.0.1", urlsplit(str(self._serving["tls"])).port or 0

    @contextmanager
    def through(self) -> Iterator[httpx.Client]:
        """Yield a client that uses the proxy and trusts only ringback's certificate authority."""
        context = ssl.create_default_context(cafile=self.trust / "authority.pem")
        auth = (ACCOUNT_SID, AUTH_TOKEN)
        with httpx.Client(
            proxy=self.proxy, verify=context, auth=auth, trust_env=False, timeout=PATIENCE_SECONDS
        ) as client:
            yield client

    def refused(self) -> list[dict[str, Any]]:
        """Return the refused requests, newest first."""
        with self.client() as client:
            found: list[dict[str, Any]] = client.get("/_ringback/refused").raise_for_status().json()["refused"]
        return found

"""A container of the image, started with ``docker run``."""

import json
from types import TracebackType
from typing import Any, Self

import httpx

from support.docker.client import Docker, DockerError
from support.servers.server import ACCOUNT_SID, AUTH_TOKEN, caller_ids_path
from support.waiting import PATIENCE_SECONDS, eventually

PORT = "8010"


class Container:
    """A container that serves on a free port of this machine. `options` are those of ``docker run``."""

    def __init__(self, docker: Docker, image: str, *options: str) -> None:
        self._docker = docker
        self.id = docker("run", "--detach", "--publish", f"127.0.0.1::{PORT}", *options, image).strip()

    @property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self._docker("inspect", "--format", "{{json .State}}", self.id))
        return state

    @property
    def log(self) -> list[str]:
        return self._docker("logs", self.id, with_errors=True).splitlines()

    def ready(self) -> Self:
        """Wait until the server is ready, or fail with the log if the container exits."""
        eventually(self._is_ready, what="the server in the container is ready")
        return self

    def _is_ready(self) -> bool:
        assert self.state["Running"], "\n".join(self.log)
        try:
            return probe(f"{self.url}/readyz")
        except DockerError:  # the container has exited since the check
            return False

    @property
    def url(self) -> str:
        return f"http://{self._docker('port', self.id, PORT).split()[0]}"

    def client(self) -> httpx.Client:
        return client(self.url)

    def stop(self) -> int:
        """Stop the container, and return its exit status."""
        self._docker("stop", self.id)
        return int(self.state["ExitCode"])

    def __enter__(self) -> Self:
        try:
            return self.ready()
        except BaseException:
            self.remove()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.remove()

    def remove(self) -> None:
        """Remove the container and its anonymous volumes."""
        self._docker("rm", "--force", "--volumes", self.id)


def probe(url: str) -> bool:
    """Return whether a GET of the URL succeeds."""
    try:
        return httpx.get(url, timeout=PATIENCE_SECONDS, trust_env=False).is_success
    except httpx.TransportError:
        return False


def client(url: str) -> httpx.Client:
    """Return an HTTP client for the server at a URL, authenticated as the default account."""
    owner = (ACCOUNT_SID, AUTH_TOKEN)
    return httpx.Client(base_url=url, auth=owner, timeout=PATIENCE_SECONDS, trust_env=False)


def verified_numbers(http: httpx.Client) -> list[str]:
    """Return the numbers of the caller IDs of the default account, sorted, with duplicates."""
    numbers: list[str] = []
    uri: str | None = f"{caller_ids_path()}.json?PageSize=1000"
    while uri:
        page = http.get(uri).raise_for_status().json()
        numbers += [caller_id["phone_number"] for caller_id in page["outgoing_caller_ids"]]
        uri = page["next_page_uri"]
    return sorted(numbers)


def verify(http: httpx.Client, number: str) -> None:
    """Request a validation, and wait until the number is verified."""
    http.post(f"{caller_ids_path()}.json", data={"PhoneNumber": number}).raise_for_status()
    eventually(lambda: number in verified_numbers(http), what=f"{number} is verified")

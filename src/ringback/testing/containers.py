"""A server in a container, for test suites that use Testcontainers."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import httpx

try:
    from docker.errors import DockerException, NotFound  # type: ignore[import-untyped]
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.waiting_utils import WaitStrategy, WaitStrategyTarget
except ImportError as error:
    raise ImportError(
        "RingbackContainer needs Testcontainers. Install it with: pip install 'ringback[testcontainers]'"
    ) from error

from ringback.testing.account import Account
from ringback.testing.connection import Connection, connect
from ringback.testing.errors import ServerNotStarted
from ringback.testing.process import LOG_LINES, START_SECONDS, options

IMAGE = "ringback"
"""Name of the image that compose.yaml builds. It is not published in a registry."""
PORT = 8010
DEFAULTS: dict[str, Any] = {"database_url": "sqlite://", "ring_seconds": 0, "key_seconds": 0}
"""As for `ringback.testing.Server`: the database is in memory, and phones answer and enter the code immediately."""
SEED_PATH = "/seed.toml"
RESERVED_SETTINGS = {"host", "port", "seed"}
"""Settings that the image and `with_seed` set."""

DOCKER_HOST_NAME = "host.docker.internal"
"""Host name of the machine that runs the containers, inside a container."""
HOST_MAP = {"localhost": DOCKER_HOST_NAME, "127.0.0.1": DOCKER_HOST_NAME}
POLL_SECONDS = 0.1
EXITED_STATUSES = {"exited", "dead"}


class RingbackContainer(DockerContainer):
    """A server in a container. It is ready when `start` returns or the `with` block begins.

    Build the `image` from a checkout with ``docker build --tag ringback .``; `options` are passed to DockerContainer.
    StatusCallbacks for localhost are sent to the machine that runs the container. The constructor and `start` raise
    ServerNotStarted with Docker's message or the log of the server.
    """

    def __init__(self, image: str = IMAGE, **options: Any) -> None:
        try:
            super().__init__(image, **options)
        except DockerException as error:
            hint = "start the Docker Engine, or set DOCKER_HOST to its address"
            raise ServerNotStarted(f"cannot use the Docker Engine: {error}; {hint}", None) from error
        self._settings: dict[str, Any] = DEFAULTS | {"callback_host_map": HOST_MAP}
        self._server: Connection | None = None
        self.with_exposed_ports(PORT)
        self.waiting_for(
            ReadinessWaitStrategy().with_startup_timeout(int(START_SECONDS)).with_poll_interval(POLL_SECONDS)
        )

    def with_setting(self, **settings: Any) -> Self:
        """Set settings of the server by their names in ``ringback serve``. None restores the default."""
        if reserved := RESERVED_SETTINGS & settings.keys():
            raise TypeError(
                f"{', '.join(sorted(reserved))}: not allowed for a container. Use with_seed(path) for a seed file."
            )
        self._settings |= settings
        return self

    def with_seed(self, path: str | Path) -> Self:
        """Use the seed file at `path` on this machine. Raises OSError if it cannot be read."""
        self._settings["seed"] = SEED_PATH
        return self.with_copy_into_container(Path(path).read_bytes(), SEED_PATH)

    def start(self) -> Self:
        try:
            return super().start()
        except _NotReady as error:
            raise ServerNotStarted(str(error), self._remove()) from error
        except (DockerException, OSError) as error:
            reason = f"{self.image}: {getattr(error, 'explanation', None) or error}{self._missing_image_hint()}"
            self._remove()
            raise ServerNotStarted(reason, None) from error

    def _missing_image_hint(self) -> str:
        """Return advice if the engine does not have the image, or an empty string."""
        try:
            self.get_docker_client().client.images.get(self.image)
        except NotFound:
            return "; build the image first: docker build --tag ringback PATH, where PATH is a checkout of ringback"
        except (DockerException, OSError):
            return ""
        return ""

    def _remove(self) -> list[str]:
        """Remove the container, which Docker may have removed already, and return the newest lines of its log."""
        lines: list[str] = []
        with suppress(DockerException, OSError):
            lines = self._log()
        with suppress(DockerException, OSError):
            self.stop()
        self._container = None  # so that another `stop` does nothing
        return lines

    def stop(self, force: bool = True, delete_volume: bool = True) -> None:  # noqa: FBT001, FBT002 - the signature of DockerContainer
        if self._server is not None:
            self._server.close()
            self._server = None
        super().stop(force, delete_volume)

    @property
    def base_url(self) -> str:
        """The URL of the server on this machine."""
        return f"http://{self.get_container_host_ip()}:{self.get_exposed_port(PORT)}"

    @property
    def server(self) -> Connection:
        """A connection to the server, as ``ringback.testing.connect(url)`` returns it."""
        if self._server is None:
            self._server = connect(self.base_url, self._settings.get("control_token"))
        return self._server

    def account(
        self, *, friendly_name: str | None = None, owner_email: str | None = None, parent_sid: str | None = None
    ) -> Account:
        """Create an account with a new SID and auth token."""
        return self.server.account(friendly_name=friendly_name, owner_email=owner_email, parent_sid=parent_sid)

    def _configure(self) -> None:
        """Build the command from the settings, and add the host name of the machine that runs the container."""
        self.with_command(["serve", *options(self._settings)])
        extra_hosts: Mapping[str, str] = self._kwargs.get("extra_hosts", {})
        self.with_kwargs(**self._kwargs | {"extra_hosts": {DOCKER_HOST_NAME: "host-gateway", **extra_hosts}})

    def _log(self) -> list[str]:
        """Return the newest lines of the server's log."""
        if self._container is None:
            return []
        out, err = self.get_logs()
        return (out + err).decode(errors="replace").splitlines()[-LOG_LINES:]


class _NotReady(Exception):
    """The server is not ready. Not a TimeoutError, for which Testcontainers reads a log that may not exist."""


class ReadinessWaitStrategy(WaitStrategy):
    """Wait strategy that polls ``/readyz`` without a proxy until it succeeds or the container has exited."""

    def wait_until_ready(self, container: WaitStrategyTarget) -> None:
        self._status = "not running"
        with httpx.Client(trust_env=False) as http:
            if not self._poll(lambda: self._is_ready(http, container), [httpx.TransportError]):
                raise _NotReady(f"the server is not ready: its container is {self._status}")

    def _is_ready(self, http: httpx.Client, container: WaitStrategyTarget) -> bool:
        try:
            return self._is_server_ready(http, container)
        except (NotFound, RuntimeError):  # Testcontainers wraps some of Docker's errors
            with suppress(NotFound):
                container.reload()
                raise
            self._status = "removed"  # it exited, and Docker was told to remove it then
            raise StopIteration from None

    def _is_server_ready(self, http: httpx.Client, container: WaitStrategyTarget) -> bool:
        container.reload()
        self._status = container.status
        if self._status in EXITED_STATUSES:
            raise StopIteration
        url = f"http://{container.get_container_host_ip()}:{container.get_exposed_port(PORT)}/readyz"
        return http.get(url).is_success

"""A server in a container, by Testcontainers: for suites that start whatever they need in this way."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import httpx

try:
    from docker.errors import APIError  # type: ignore[import-untyped]
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.waiting_utils import WaitStrategy, WaitStrategyTarget
except ImportError as error:
    raise ImportError("RingbackContainer needs Testcontainers: pip install 'ringback[testcontainers]'") from error

from ringback.testing.account import Account
from ringback.testing.connection import Connection, connect
from ringback.testing.errors import ServerNotStarted
from ringback.testing.process import LINES_KEPT, START_SECONDS, options

IMAGE = "ringback"
"""The image as compose.yaml builds it: it is published nowhere."""
PORT = 8010
DEFAULTS: dict[str, Any] = {"database_url": "sqlite://", "ring_seconds": 0, "key_seconds": 0}
"""As of `ringback.testing.Server`: nothing is kept, and phones answer and key in at once."""
SEED = "/seed.toml"
UNFIT = {"host", "port", "seed"}
"""What the image decides, and what `with_seed` is for."""

OUTSIDE = "host.docker.internal"
"""The machine that the containers run on, seen from one of them."""
HOST_MAP = {"localhost": OUTSIDE, "127.0.0.1": OUTSIDE}
LOOK_EVERY_SECONDS = 0.1
ENDED = {"exited", "dead"}


class RingbackContainer(DockerContainer):
    """A server in a container: ready when `start` returns, or its `with` block begins.

    `image` is to be built from a checkout: ``docker build --tag ringback .``; `options` are those of DockerContainer.
    StatusCallbacks for localhost go to the machine that the container runs on. `start` raises ServerNotStarted with
    what the server said.
    """

    def __init__(self, image: str = IMAGE, **options: Any) -> None:
        super().__init__(image, **options)
        self._settings: dict[str, Any] = DEFAULTS | {"callback_host_map": HOST_MAP}
        self._server: Connection | None = None
        self.with_exposed_ports(PORT)
        self.waiting_for(Readiness().with_startup_timeout(int(START_SECONDS)).with_poll_interval(LOOK_EVERY_SECONDS))

    def with_setting(self, **settings: Any) -> Self:
        """Give the server these settings, by the names of ``ringback serve``; None takes one back to its default."""
        if unprocessable := UNFIT & settings.keys():
            raise TypeError(
                f"{', '.join(sorted(unprocessable))}: not to be set of a container; with_seed(path) seeds it"
            )
        self._settings |= settings
        return self

    def with_seed(self, path: str | Path) -> Self:
        """Give the server the seed file at `path` on this machine. Raises OSError where it cannot be read."""
        self._settings["seed"] = SEED
        return self.with_copy_into_container(Path(path).read_bytes(), SEED)

    def start(self) -> Self:
        try:
            return super().start()
        except APIError as error:
            self.stop()
            hint = "the image is published nowhere: docker build --tag ringback PATH, where PATH is a checkout"
            raise ServerNotStarted(f"{self.image}: {error.explanation or error}; {hint}", ()) from error
        except TimeoutError as error:
            lines = self._log()
            self.stop()
            raise ServerNotStarted(str(error), lines) from error

    def stop(self, force: bool = True, delete_volume: bool = True) -> None:  # noqa: FBT001, FBT002 - DockerContainer's own
        if self._server is not None:
            self._server.close()
            self._server = None
        super().stop(force, delete_volume)

    @property
    def base_url(self) -> str:
        """Where the server is reached from this machine."""
        return f"http://{self.get_container_host_ip()}:{self.get_exposed_port(PORT)}"

    @property
    def server(self) -> Connection:
        """The running server, as ``ringback.testing.connect(url)`` gives it."""
        if self._server is None:
            self._server = connect(self.base_url, self._settings.get("control_token"))
        return self._server

    def account(
        self, *, friendly_name: str | None = None, owner_email: str | None = None, parent_sid: str | None = None
    ) -> Account:
        """Make an account with a new SID and auth token."""
        return self.server.account(friendly_name=friendly_name, owner_email=owner_email, parent_sid=parent_sid)

    def _configure(self) -> None:
        """Turn the settings into the command, and let the container know the machine outside by its name."""
        self.with_command(["serve", *options(self._settings)])
        known: Mapping[str, str] = self._kwargs.get("extra_hosts", {})
        self.with_kwargs(**self._kwargs | {"extra_hosts": {OUTSIDE: "host-gateway", **known}})

    def _log(self) -> list[str]:
        """Return the newest lines that the server wrote."""
        out, err = self.get_logs()
        return (out + err).decode(errors="replace").splitlines()[-LINES_KEPT:]


class Readiness(WaitStrategy):
    """Waits until ``/readyz`` says yes, and no longer for a container that has ended; no proxy is asked."""

    def wait_until_ready(self, container: WaitStrategyTarget) -> None:
        with httpx.Client(trust_env=False) as http:
            if not self._poll(lambda: self._is_ready(http, container), [httpx.TransportError]):
                raise TimeoutError(f"the server was not ready: its container is {container.status}")

    @staticmethod
    def _is_ready(http: httpx.Client, container: WaitStrategyTarget) -> bool:
        container.reload()
        if container.status in ENDED:
            raise StopIteration
        url = f"http://{container.get_container_host_ip()}:{container.get_exposed_port(PORT)}/readyz"
        return http.get(url).is_success

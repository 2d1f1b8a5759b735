"""A server that a test suite starts."""

from typing import Any

from ringback.testing.connection import Connection
from ringback.testing.process import Process

DEFAULTS: dict[str, Any] = {"port": 0, "database_url": "sqlite://", "ring_seconds": 0, "key_seconds": 0}
"""A free port, a database in memory, and phones that answer and enter the code immediately."""
RESERVED_SETTINGS = {"log_format": "json", "log_level": "info"}
"""Settings that `Process` needs to read the log."""

EXIT_SECONDS = 1.0
"""How long a process may take to end after its connections are closed."""


class Server(Connection):
    """A server process. It is ready when the constructor returns, and runs until `stop` or the end of the `with` block.

    `settings` are the settings of ``ringback serve``. By default, a free port is chosen, the database is in memory, and
    phones answer and enter the code immediately (`ring_seconds` and `key_seconds` are 0). Raises ServerNotStarted with
    the log of the server.
    """

    def __init__(self, **settings: Any) -> None:
        if reserved := RESERVED_SETTINGS.keys() & settings.keys():
            raise TypeError(f"{', '.join(sorted(reserved))}: not allowed, because Server reads the log (Server.log)")
        self._process = Process(DEFAULTS | settings | RESERVED_SETTINGS)
        super().__init__(self._process.base_url, settings.get("control_token"))
        self._stopped = False

    @property
    def process_id(self) -> int:
        """The process ID of the server."""
        return self._process.id

    @property
    def proxy_url(self) -> str | None:
        """The URL of the proxy for interception, or None if the setting `intercept` is off."""
        return self._process.proxy_url

    @property
    def log(self) -> list[str]:
        """The newest lines of the server's log."""
        return list(self._process.log)

    @property
    def is_stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped

    def describe_failure(self) -> str:
        """Describe why the server does not answer: how its process ended, if it did."""
        if self._stopped:
            return f"the server at {self.base_url} was stopped"
        status = self._process.exit_status(EXIT_SECONDS)
        if status is None:
            return super().describe_failure()
        how = f"was killed by signal {-status}" if status < 0 else f"ended with exit status {status}"
        return f"the server at {self.base_url} (process {self.process_id}) {how}"

    def stop(self) -> None:
        """Stop the server. A second call does nothing."""
        if not self._stopped:
            self._stopped = True
            super().close()
            self._process.stop()

    close = stop

"""A server of a test suite's own."""

from typing import Any

from ringback.testing.connection import Connection
from ringback.testing.process import Process

DEFAULTS: dict[str, Any] = {"port": 0, "database_url": "sqlite://", "ring_seconds": 0, "key_seconds": 0}
"""A free port, nothing on the disk, and phones that answer and key in at once."""
OWN = {"log_format": "json", "log_level": "info"}
"""What the process is read by."""

ENDING_SECONDS = 1.0
"""How long a process may take to end after its connections were closed."""


class Server(Connection):
    """A server's process, from now until `stop` or the end of its `with` block; it is ready when this returns.

    `settings` are those of ``ringback serve``, by name. Other than there the port is a free one, the database is in
    memory, and phones answer and key in at once (`ring_seconds` and `key_seconds` are 0); the time-outs are as ever.
    Raises ServerNotStarted with what the server said.
    """

    def __init__(self, **settings: Any) -> None:
        if unprocessable := OWN.keys() & settings.keys():
            raise TypeError(
                f"{', '.join(sorted(unprocessable))}: not to be set, since this process reads the log (Server.log)"
            )
        self._process = Process(DEFAULTS | settings | OWN)
        super().__init__(self._process.base_url, settings.get("control_token"))
        self._stopped = False

    @property
    def process_id(self) -> int:
        """The id of the server's process."""
        return self._process.id

    @property
    def log(self) -> list[str]:
        """The newest lines of the server's log."""
        return list(self._process.log)

    @property
    def is_stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped

    def absence(self) -> str:
        """Return a sentence about a server that gives no answer: how its process ended, if it did."""
        if self._stopped:
            return f"the server at {self.base_url} was stopped"
        status = self._process.exit_status(ENDING_SECONDS)
        if status is None:
            return super().absence()
        how = f"was killed by signal {-status}" if status < 0 else f"ended with exit status {status}"
        return f"the server at {self.base_url} (process {self.process_id}) {how}"

    def stop(self) -> None:
        """End the server. A second call does nothing."""
        if not self._stopped:
            self._stopped = True
            super().close()
            self._process.stop()

    close = stop

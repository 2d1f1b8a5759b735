"""Exceptions and warnings of `ringback.testing`."""

from collections.abc import Sequence


class ControlError(Exception):
    """The control API returned an error, or did not answer. `error` says what happened, `hint` what to do.

    `status` is the HTTP status, or None if there was no response.
    """

    def __init__(self, request: str, status: int | None, error: str, hint: str) -> None:
        outcome = "no answer" if status is None else str(status)
        super().__init__(f"{error}. Hint: {hint} ({request}: {outcome})")
        self.status = status
        self.error = error
        self.hint = hint


class ServerNotStarted(Exception):
    """The server could not be started, ended, or was not ready in time. The message ends with its log, if it has one.

    `lines` are those of the log, or None if there was no server to write one.
    """

    def __init__(self, reason: str, lines: Sequence[str] | None) -> None:
        log = "".join(f"\n  {line}" for line in lines or ()) or " empty"
        super().__init__(reason if lines is None else f"{reason}; its log:{log}")
        self.lines = tuple(lines or ())


class BlockedEventLoopWarning(RuntimeWarning):
    """A synchronous call waited for a StatusCallback and blocked the event loop that may serve its receiver."""

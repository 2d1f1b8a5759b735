"""What can go wrong between a test and its server."""

from collections.abc import Sequence


class ControlError(Exception):
    """The control API refused, or did not answer: `error` says what is wrong, `hint` what to do about it.

    `status` is the answer's, or None where there was no answer.
    """

    def __init__(self, request: str, status: int | None, error: str, hint: str) -> None:
        outcome = "no answer" if status is None else str(status)
        super().__init__(f"{error}. Hint: {hint} ({request}: {outcome})")
        self.status = status
        self.error = error
        self.hint = hint


class ServerNotStarted(Exception):
    """The server's process ended, or was not ready in time; the text ends with what it said itself."""

    def __init__(self, reason: str, lines: Sequence[str]) -> None:
        said = "".join(f"\n  {line}" for line in lines) or " nothing"
        super().__init__(f"{reason}; it said:{said}")
        self.lines = tuple(lines)


class BlockedEventLoopWarning(RuntimeWarning):
    """A synchronous call waited for a StatusCallback, and stopped the event loop that perhaps serves it."""

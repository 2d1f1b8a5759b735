"""The limits of an account, set by a test."""

from ringback.testing.control import Control
from ringback.testing.records import PolicyReading
from ringback.testing.resource_requests import PolicyRequests


class Policy:
    """The policy of one account; no other account's is touched."""

    def __init__(self, control: Control, account_sid: str) -> None:
        self._control = control
        self._requests = PolicyRequests(account_sid)

    def read(self) -> PolicyReading:
        """Return the account's present policy."""
        return self._control.send(self._requests.read())

    def set(
        self,
        *,
        account_type: str | None = None,
        calls_per_number_and_week: int | None = None,
        code_lifetime_seconds: float | None = None,
        code_attempts: int | None = None,
    ) -> PolicyReading:
        """Set the policy from the next request on, and return it; the server's settings decide what is not given.

        `account_type` is ``trial`` or ``full``.
        """
        request = self._requests.set(
            account_type=account_type,
            calls_per_number_and_week=calls_per_number_and_week,
            code_lifetime_seconds=code_lifetime_seconds,
            code_attempts=code_attempts,
        )
        return self._control.send(request)

    def clear(self) -> None:
        """Leave all limits to the server's settings."""
        self._control.send(self._requests.clear())

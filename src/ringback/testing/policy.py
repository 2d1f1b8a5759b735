"""What an account allows, in a test's hand."""

from urllib.parse import quote

from ringback.testing.control import Control
from ringback.testing.records import PolicyReading


class Policy:
    """The policy of one account; no other account's is touched."""

    def __init__(self, control: Control, account_sid: str) -> None:
        self._control = control
        self._path = f"/accounts/{quote(account_sid, safe='')}/policy"

    def read(self) -> PolicyReading:
        """Return what holds for the account."""
        return PolicyReading.model_validate(self._control.ask("GET", self._path))

    def set(
        self,
        *,
        account_type: str | None = None,
        calls_per_number_and_week: int | None = None,
        code_lifetime_seconds: float | None = None,
        code_attempts: int | None = None,
    ) -> PolicyReading:
        """Say what holds from the next request on, and return it; what is not given is left to the server's settings.

        `account_type` is ``trial`` or ``full``.
        """
        body = {
            "account_type": account_type,
            "calls_per_number_and_week": calls_per_number_and_week,
            "code_lifetime_seconds": code_lifetime_seconds,
            "code_attempts": code_attempts,
        }
        return PolicyReading.model_validate(self._control.ask("PUT", self._path, body))

    def clear(self) -> None:
        """Let all be as the server's settings have it."""
        self._control.ask("DELETE", self._path)

"""What an account allows: how calls go and how many there may be, by the settings or by its own policy."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, NamedTuple

from ringback.domain.phones import Phone

TRIAL_VERIFIED_NUMBERS = 5
"""How many numbers a trial account can verify. Source: docs/fidelity.md, policy [documented]."""
WEEK_SECONDS = 7 * 86_400
"""Calls are counted in the last seven days, not since Monday. Source: docs/fidelity.md, policy [assumed]."""
MOST_CALLS_A_WEEK, MOST_CODE_ATTEMPTS = 1_000, 100
LONGEST_CODE_LIFETIME_SECONDS = 86_400


class AccountType(StrEnum):
    """Twilio's own words, which it writes with a capital."""

    FULL = "full"
    TRIAL = "trial"


@dataclass(frozen=True, slots=True)
class CallPolicy:
    """The network's patience, in seconds and attempts, the phone that answers where no rule says otherwise, and limits.

    A `code_lifetime_seconds` begins with the request; None is as long as the call lasts. None of
    `calls_per_number_and_week` is no limit.
    """

    ring_timeout_seconds: float
    prompt_timeout_seconds: float
    code_attempts: int
    default_phone: Phone
    account_type: AccountType = AccountType.FULL
    calls_per_number_and_week: int | None = None
    code_lifetime_seconds: float | None = None


class AccountPolicy(NamedTuple):
    """What an account has of its own; None leaves it to the settings."""

    account_type: AccountType | None = None
    calls_per_number_and_week: int | None = None
    code_lifetime_seconds: float | None = None
    code_attempts: int | None = None

    @property
    def given(self) -> dict[str, Any]:
        """What is not left to the settings, by name."""
        return {name: value for name, value in self._asdict().items() if value is not None}

    def over(self, settings: CallPolicy) -> CallPolicy:
        """Return what holds for the account where the settings say this."""
        if self is LEFT_TO_THE_SETTINGS:
            return settings
        return replace(settings, **self.given)


LEFT_TO_THE_SETTINGS = AccountPolicy()
"""The policy of an account that has none."""

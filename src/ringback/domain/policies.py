"""Policies: timeouts, attempts and limits of calls, from the settings or from an account's own policy."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, NamedTuple

from ringback.domain.phones import Phone

WEEK_SECONDS = 7 * 86_400
"""Calls are counted over the last seven days, not since Monday. Source: docs/fidelity.md, policy [assumed]."""
MAX_CALLS_A_WEEK, MAX_CODE_ATTEMPTS = 1_000, 100
MAX_CODE_LIFETIME_SECONDS = 86_400


class AccountType(StrEnum):
    """The type of an account. Twilio capitalizes the value.

    A trial account cannot verify numbers through the API. Source: docs/fidelity.md, policy [observed].
    """

    FULL = "full"
    TRIAL = "trial"


class LongFriendlyName(StrEnum):
    """The treatment of a FriendlyName of more than 64 characters: it is rejected, or truncated to 64."""

    REJECT = "reject"
    TRUNCATE = "truncate"


class SecondRequest(StrEnum):
    """The effect of a request for a number that is being called.

    The request ends that call (`SUPERSEDE`), is refused (`REFUSE`), or starts a second call (`BOTH`).
    """

    SUPERSEDE = "supersede"
    REFUSE = "refuse"
    BOTH = "both"


class SignedPort(StrEnum):
    """The treatment of the port in the signature of an https callback URL."""

    AS_GIVEN = "as-given"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class CallPolicy:
    """The settings that apply to a call: timeouts, attempts, limits, default phone, and responses to edge cases.

    `code_lifetime_seconds` is counted from the request; None means until the call ends. If `calls_per_number_and_week`
    is None, the number of calls is not limited.
    """

    ring_timeout_seconds: float
    prompt_timeout_seconds: float
    code_attempts: int
    default_phone: Phone
    account_type: AccountType = AccountType.FULL
    calls_per_number_and_week: int | None = None
    code_lifetime_seconds: float | None = None
    long_friendly_name: LongFriendlyName = LongFriendlyName.REJECT
    second_request: SecondRequest = SecondRequest.SUPERSEDE
    callback_signed_port: SignedPort = SignedPort.AS_GIVEN


class AccountPolicy(NamedTuple):
    """The policy of an account. A field that is None has the value of the settings."""

    account_type: AccountType | None = None
    calls_per_number_and_week: int | None = None
    code_lifetime_seconds: float | None = None
    code_attempts: int | None = None
    long_friendly_name: LongFriendlyName | None = None
    second_request: SecondRequest | None = None
    callback_signed_port: SignedPort | None = None

    @property
    def overrides(self) -> dict[str, Any]:
        """The values that override the settings, by name."""
        return {name: value for name, value in self._asdict().items() if value is not None}

    def merged_with(self, settings: CallPolicy) -> CallPolicy:
        """Return the account's effective policy: its own values, completed by the values of `settings`."""
        if self is NO_OVERRIDES:
            return settings
        return replace(settings, **self.overrides)


NO_OVERRIDES = AccountPolicy()
"""The policy of an account that does not override any setting."""

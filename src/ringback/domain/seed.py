"""The content of a seed file: accounts with their resources."""

from dataclasses import dataclass

from ringback.domain.accounts import AccountStatus, ApiKey
from ringback.domain.oauth import OAuthApp
from ringback.domain.phones import PhoneRule
from ringback.domain.policies import AccountPolicy
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import Timestamp
from ringback.domain.webhook_signing import WebhookSigning


class SeedError(Exception):
    """The seed file cannot be read or is invalid; the message has a line for each error."""


@dataclass(frozen=True, slots=True)
class SeededNumber:
    """A caller ID or an incoming phone number. None means the default name, or the time when the file is applied."""

    phone_number: str
    friendly_name: str | None
    date_created: Timestamp | None


@dataclass(frozen=True, slots=True)
class SeededAccount:
    """An account with its resources. None means the current value, or the default for a new account."""

    sid: AccountSid
    auth_token: str | None
    friendly_name: str | None
    owner_email: str | None
    status: AccountStatus | None
    parent_sid: AccountSid | None
    api_keys: tuple[ApiKey, ...]
    caller_ids: tuple[SeededNumber, ...]
    phone_rules: tuple[tuple[str, PhoneRule], ...]
    policy: AccountPolicy | None = None
    incoming_phone_numbers: tuple[SeededNumber, ...] = ()
    secondary_auth_token: str | None = None
    oauth_apps: tuple[OAuthApp, ...] = ()
    webhook_signing: WebhookSigning | None = None


Seed = tuple[SeededAccount, ...]

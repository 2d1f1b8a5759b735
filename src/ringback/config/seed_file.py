"""The reader of the seed file: a TOML file of accounts, caller IDs and phones."""

import tomllib
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Strict, ValidationError, ValidationInfo, model_validator

from ringback.config.email_address import EmailAddress
from ringback.config.validators import (
    AccountSidText,
    CallsAWeek,
    CodeAttempts,
    CodeLifetime,
    FriendlyName,
    Permissions,
    PhoneExtension,
    Seconds,
    Secret,
    SharedKeySid,
    TokenLifetime,
    error_message,
    key_access,
)
from ringback.domain.accounts import AccountStatus, ApiKey
from ringback.domain.oauth import DEFAULT_LIFETIME_SECONDS, OAuthApp
from ringback.domain.permissions import KeyType, restricted_access
from ringback.domain.phone_numbers import NumberValidation, to_e164
from ringback.domain.phones import PhoneBehavior, PhoneRule
from ringback.domain.policies import AccountPolicy, AccountType, LongFriendlyName, SecondRequest, SignedPort
from ringback.domain.seed import Seed, SeededAccount, SeededNumber, SeedError
from ringback.domain.sids import API_KEY, OAUTH_APP, AccountSid, ApiKeySid, OAuthAppSid, is_sid
from ringback.domain.timestamps import Timestamp, from_datetime
from ringback.domain.webhook_signing import SignatureAlgorithm, WebhookSigning

DEFAULT_PHONE = "default"


def _number(value: str, info: ValidationInfo) -> str:
    number = to_e164(value, info.context)
    if number is None:
        raise ValueError(f"{value!r} is not a valid phone number")
    return number


def _number_or_default(value: str, info: ValidationInfo) -> str:
    return value if value == DEFAULT_PHONE else _number(value, info)


def _key_sid(value: str) -> str:
    if not is_sid(API_KEY, value):
        raise ValueError("must be SK followed by 32 lowercase hexadecimal digits")
    return value


def _client_id(value: str) -> str:
    if not is_sid(OAUTH_APP, value):
        raise ValueError("must be OQ followed by 32 lowercase hexadecimal digits")
    return value


Number = Annotated[str, AfterValidator(_number)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _NumberTable(_Table):
    phone_number: Number
    friendly_name: FriendlyName | None = None
    date_created: datetime | None = None


class _PhoneTable(_Table):
    number: Annotated[str, AfterValidator(_number_or_default)]
    behavior: PhoneBehavior
    ring_seconds: Annotated[Seconds, Strict()] | None = None
    key_seconds: Annotated[Seconds, Strict()] | None = None
    extension: PhoneExtension | None = None


class _ApiKeyTable(_Table):
    sid: Annotated[str, AfterValidator(_key_sid)]
    secret: Secret
    type: KeyType = KeyType.STANDARD
    permissions: Permissions | None = None

    @model_validator(mode="after")
    def _check_access(self) -> Self:
        key_access(self.type, self.permissions)
        return self


class _OAuthAppTable(_Table):
    client_id: Annotated[str, AfterValidator(_client_id)]
    client_secret: Secret
    scopes: Permissions
    lifetime_seconds: Annotated[TokenLifetime, Strict()] = DEFAULT_LIFETIME_SECONDS


class _PolicyTable(_Table):
    account_type: AccountType | None = None
    calls_per_number_and_week: Annotated[CallsAWeek, Strict()] | None = None
    code_lifetime_seconds: Annotated[CodeLifetime, Strict()] | None = None
    code_attempts: Annotated[CodeAttempts, Strict()] | None = None
    long_friendly_name: LongFriendlyName | None = None
    second_request: SecondRequest | None = None
    callback_signed_port: SignedPort | None = None


class _WebhookSigningTable(_Table):
    key_sid: SharedKeySid
    secret: Secret
    algorithm: SignatureAlgorithm = SignatureAlgorithm.HMAC_SHA256


class _AccountTable(_Table):
    sid: AccountSidText
    auth_token: Secret | None = None
    secondary_auth_token: Secret | None = None
    friendly_name: FriendlyName | None = None
    owner_email: EmailAddress | None = None
    status: AccountStatus | None = None
    parent_sid: AccountSidText | None = None
    api_keys: list[_ApiKeyTable] = []
    oauth_apps: list[_OAuthAppTable] = []
    caller_ids: list[_NumberTable] = []
    incoming_phone_numbers: list[_NumberTable] = []
    phones: list[_PhoneTable] = []
    policy: _PolicyTable | None = None
    webhook_signing: _WebhookSigningTable | None = None

    @model_validator(mode="after")
    def _check_tokens(self) -> Self:
        if self.secondary_auth_token is not None and self.secondary_auth_token == self.auth_token:
            raise ValueError("secondary_auth_token must differ from auth_token")
        return self


class _SeedFile(_Table):
    accounts: list[_AccountTable] = []


def read_seed(file: str, validation: NumberValidation) -> Seed:
    """Read and check a seed file. `validation` is the setting `number_validation`.

    Raises SeedError with one line for each error: the file, the position in it and the reason.
    """
    try:
        document = tomllib.loads(Path(file).expanduser().read_text(encoding="utf-8"))
    except (OSError, RuntimeError) as error:
        raise SeedError(f"{file}: {getattr(error, 'strerror', error)}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SeedError(f"{file}: not valid TOML: {error}") from error
    try:
        tables = _SeedFile.model_validate(document, context=validation)
    except ValidationError as error:
        raise SeedError("\n".join(f"{file}: {_mistake(details)}" for details in error.errors())) from error
    return tuple(_seeded(account) for account in tables.accounts)


def _mistake(details: Any) -> str:
    place = ""
    for part in details["loc"]:
        place += f"[{part}]" if isinstance(part, int) else f".{part}"
    return f"{place.lstrip('.')}: {error_message(details)}"


def _api_key(table: _ApiKeyTable, account_sid: AccountSid) -> ApiKey:
    access = key_access(table.type, table.permissions)
    return ApiKey(ApiKeySid(table.sid), table.secret, account_sid, Timestamp(0), access)


def _oauth_app(table: _OAuthAppTable, account_sid: AccountSid) -> OAuthApp:
    access, lifetime_seconds = restricted_access(frozenset(table.scopes)), table.lifetime_seconds
    client_id = OAuthAppSid(table.client_id)
    return OAuthApp(client_id, table.client_secret, account_sid, access, lifetime_seconds, Timestamp(0))


def _seeded(table: _AccountTable) -> SeededAccount:
    sid = AccountSid(table.sid)
    return SeededAccount(
        sid=sid,
        auth_token=table.auth_token,
        friendly_name=table.friendly_name,
        owner_email=table.owner_email,
        status=table.status,
        parent_sid=AccountSid(table.parent_sid) if table.parent_sid else None,
        api_keys=tuple(_api_key(key, sid) for key in table.api_keys),
        caller_ids=tuple(map(_seeded_number, table.caller_ids)),
        phone_rules=tuple(
            (phone.number, PhoneRule(phone.behavior, phone.ring_seconds, phone.key_seconds, phone.extension))
            for phone in table.phones
        ),
        policy=AccountPolicy(**dict(table.policy)) if table.policy else None,
        incoming_phone_numbers=tuple(map(_seeded_number, table.incoming_phone_numbers)),
        secondary_auth_token=table.secondary_auth_token,
        oauth_apps=tuple(_oauth_app(app, sid) for app in table.oauth_apps),
        webhook_signing=WebhookSigning(**dict(table.webhook_signing)) if table.webhook_signing else None,
    )


def _seeded_number(entry: _NumberTable) -> SeededNumber:
    created = from_datetime(entry.date_created) if entry.date_created else None
    return SeededNumber(entry.phone_number, entry.friendly_name, created)

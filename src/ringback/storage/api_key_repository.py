"""API keys, with their types and permissions."""

from collections.abc import Iterator
from functools import lru_cache

import orjson
from sqlalchemy import bindparam, delete, select

from ringback.domain.accounts import Account, ApiKey
from ringback.domain.permissions import (
    FULL_ACCESS,
    NO_ACCESS,
    STANDARD_ACCESS,
    Access,
    KeyType,
    normalize_permission,
    restricted_access,
)
from ringback.domain.sids import AccountSid
from ringback.storage.account_repository import ACCOUNTS
from ringback.storage.row_mapper import Field, RowMapper
from ringback.storage.session import Session
from ringback.storage.statements import Statement, columns, insert_or_ignore, upsert
from ringback.storage.tables import accounts, api_keys
from ringback.storage.unreadable_rows import ERRORS, report, require

MAX_CACHED_ACCESSES = 1_000


@lru_cache(maxsize=MAX_CACHED_ACCESSES)
def access_of(key_type: str | None, permissions: str | None) -> Access:
    """Return the access that the columns of a key describe.

    A key without a type, as in rows of ringback 0.1.0, has standard access.

    Raises TypeError or ValueError if the columns are not valid.
    """
    match KeyType(key_type or KeyType.STANDARD):
        case KeyType.MAIN:
            return FULL_ACCESS
        case KeyType.STANDARD:
            return STANDARD_ACCESS
        case KeyType.RESTRICTED:
            names = orjson.loads(permissions or "")
            are_valid = isinstance(names, list) and all(normalize_permission(name) == name for name in names)
            require(are_valid, "permissions", permissions)
            return restricted_access(frozenset(names))


def _access(key_type: str | None, permissions: str | None, key_sid: str) -> Access:
    """Return a key's access. If the access is unreadable, log this and grant no access."""
    try:
        return access_of(key_type, permissions)
    except ERRORS as error:
        report("api_keys", key_sid, error)
        return NO_ACCESS


def _permissions_text(access: Access) -> str | None:
    """Return the value of a key's `permissions` column: None (NULL) unless the key is restricted."""
    is_restricted = access.key_type is KeyType.RESTRICTED
    return orjson.dumps(sorted(access.permissions)).decode() if is_restricted else None


_ACCESS = columns(api_keys, "type", "permissions", "sid")
_KEYS = RowMapper(
    ApiKey,
    tuple(api_keys.c),
    access=Field(_access, ("type", "permissions", "sid")),
)
_values_but_access = _KEYS.writer("sid", "secret", "account_sid", "date_created")
_SID = api_keys.c.sid == bindparam("key_sid")

FIND_HOLDER = Statement(
    select(*ACCOUNTS.columns, api_keys.c.secret, *_ACCESS).join_from(accounts, api_keys).where(_SID)
)
ADD = insert_or_ignore(api_keys, "sid")
SAVE = upsert(api_keys, ["sid"], "account_sid", "secret", "type", "permissions")
OF_ACCOUNT = Statement(
    select(*_KEYS.columns)
    .where(api_keys.c.account_sid == bindparam("account_sid"))
    .order_by(api_keys.c.date_created, api_keys.c.sid)
)
DELETE = Statement(delete(api_keys).where(_SID, api_keys.c.account_sid == bindparam("account_sid")))


class ApiKeyRepository:
    """The API keys of all accounts."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find_holder(self, key_sid: str) -> tuple[Account, str, Access] | None:
        """Return the account of an API key, and the secret and the access of the key."""
        row = self._session.first(FIND_HOLDER, key_sid=key_sid)
        return (ACCOUNTS.read(row), row[-4], _access(*row[-3:])) if row else None

    def save(self, key: ApiKey) -> None:
        """Add an API key, or update the existing key with this SID."""
        self._session.change(SAVE, **_values(key))

    def add(self, key: ApiKey) -> bool:
        """Add an API key. Return False, changing nothing, if its SID is taken."""
        return self._session.change(ADD, **_values(key)) > 0

    def of_account(self, account_sid: AccountSid) -> Iterator[ApiKey]:
        """Return an account's keys, oldest first."""
        return map(_KEYS.read, self._session.rows(OF_ACCOUNT, account_sid=account_sid))

    def delete(self, account_sid: AccountSid, key_sid: str) -> bool:
        """Delete one of an account's keys. Return False if the account does not have it."""
        return self._session.change(DELETE, account_sid=account_sid, key_sid=key_sid) > 0


def _values(key: ApiKey) -> dict[str, str | int | None]:
    return {
        **_values_but_access(key),
        "type": key.access.key_type.value,
        "permissions": _permissions_text(key.access),
    }

"""OAuth apps with their scopes."""

from collections.abc import Iterator
from typing import Any

import orjson
from sqlalchemy import bindparam, delete, select

from ringback.domain.accounts import Account
from ringback.domain.oauth import OAuthApp
from ringback.domain.permissions import NO_ACCESS, Access, normalize_permission, restricted_access
from ringback.domain.sids import AccountSid
from ringback.storage.account_repository import ACCOUNTS
from ringback.storage.row_mapper import Field, RowMapper
from ringback.storage.session import Session
from ringback.storage.statements import Statement, insert_or_ignore, upsert
from ringback.storage.tables import accounts, oauth_apps
from ringback.storage.unreadable_rows import ERRORS, report, require


def scopes_of(text: str) -> Access:
    """Return the access that the scopes in a column grant. Raises TypeError or ValueError for invalid scopes."""
    names = orjson.loads(text)
    require(isinstance(names, list) and all(normalize_permission(name) == name for name in names), "scopes", text)
    return restricted_access(frozenset(names))


def _access(text: str, client_id: str) -> Access:
    """Return the access that an app's tokens grant. If the scopes are unreadable, log this and grant no access."""
    try:
        return scopes_of(text)
    except ERRORS as error:
        report("oauth_apps", client_id, error)
        return NO_ACCESS


def _scopes_text(access: Access) -> str:
    return orjson.dumps(sorted(access.permissions)).decode()


_APPS = RowMapper(OAuthApp, tuple(oauth_apps.c), access=Field(_access, ("scopes", "client_id")))
_values_but_scopes = _APPS.writer(*(name for name in _APPS.names if name != "scopes"))
_CLIENT_ID = oauth_apps.c.client_id == bindparam("client")

FIND_HOLDER = Statement(select(*ACCOUNTS.columns, *_APPS.columns).join_from(accounts, oauth_apps).where(_CLIENT_ID))
_read_app_of_holder = _APPS.reader([*ACCOUNTS.columns, *_APPS.columns])
ADD = insert_or_ignore(oauth_apps, "client_id")
SAVE = upsert(oauth_apps, ["client_id"], "account_sid", "client_secret", "scopes", "lifetime_seconds")
OF_ACCOUNT = Statement(
    select(*_APPS.columns)
    .where(oauth_apps.c.account_sid == bindparam("account_sid"))
    .order_by(oauth_apps.c.date_created, oauth_apps.c.client_id)
)
DELETE = Statement(delete(oauth_apps).where(_CLIENT_ID, oauth_apps.c.account_sid == bindparam("account_sid")))


class OAuthAppRepository:
    """The OAuth apps of all accounts."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find_holder(self, client_id: str) -> tuple[Account, OAuthApp] | None:
        """Return the account of an OAuth app and the app itself, or None if the client ID is unknown."""
        row = self._session.first(FIND_HOLDER, client=client_id)
        return (ACCOUNTS.read(row), _read_app_of_holder(row)) if row else None

    def save(self, app: OAuthApp) -> None:
        """Add an OAuth app, or update the existing app with this client ID."""
        self._session.change(SAVE, **_values(app))

    def add(self, app: OAuthApp) -> bool:
        """Add an OAuth app. Return False, changing nothing, if its client ID is taken."""
        return self._session.change(ADD, **_values(app)) > 0

    def of_account(self, account_sid: AccountSid) -> Iterator[OAuthApp]:
        """Return an account's OAuth apps, oldest first."""
        return map(_APPS.read, self._session.rows(OF_ACCOUNT, account_sid=account_sid))

    def delete(self, account_sid: AccountSid, client_id: str) -> bool:
        """Delete one of an account's OAuth apps. Return False if the account does not have it."""
        return self._session.change(DELETE, account_sid=account_sid, client=client_id) > 0


def _values(app: OAuthApp) -> dict[str, Any]:
    return {**_values_but_scopes(app), "scopes": _scopes_text(app.access)}

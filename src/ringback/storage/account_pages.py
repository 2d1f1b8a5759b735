"""Pages of the accounts that an account can list: itself and its subaccounts."""

from sqlalchemy import bindparam

from ringback.domain.accounts import Account
from ringback.storage.account_repository import ACCOUNTS
from ringback.storage.pages import PagedRows
from ringback.storage.tables import accounts

ACCOUNT_PAGES: PagedRows[Account] = PagedRows(
    accounts,
    ACCOUNTS.columns,
    {name: accounts.c[name] == bindparam(name) for name in ("friendly_name", "status")},
    ACCOUNTS.read,
    (accounts.c.sid == bindparam("account_sid")) | (accounts.c.parent_sid == bindparam("account_sid")),
)

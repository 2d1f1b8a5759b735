"""Caller IDs, the verified numbers of accounts."""

from sqlalchemy import bindparam, delete, select, update

from ringback.domain.caller_ids import OutgoingCallerId
from ringback.domain.paging import Page, PageRequest
from ringback.domain.sids import AccountSid
from ringback.storage.pages import PagedRows
from ringback.storage.row_mapper import RowMapper
from ringback.storage.session import Session
from ringback.storage.statements import Statement, columns, insert_or_ignore
from ringback.storage.tables import outgoing_caller_ids as table

CALLER_IDS = RowMapper(OutgoingCallerId, columns(table, *OutgoingCallerId._fields))
_values = CALLER_IDS.writer(*CALLER_IDS.names)
_OF_ACCOUNT = table.c.account_sid == bindparam("account_sid")
_THIS_ONE = (table.c.sid == bindparam("sid")) & _OF_ACCOUNT

FIND = Statement(select(*CALLER_IDS.columns).where(_THIS_ONE))
LOCK_FOR_UPDATE = Statement(select(*CALLER_IDS.columns).where(_THIS_ONE).with_for_update())
FIND_BY_NUMBER = Statement(
    select(*CALLER_IDS.columns).where(_OF_ACCOUNT, table.c.phone_number == bindparam("phone_number"))
)
ADD = insert_or_ignore(table)
RENAME = Statement(
    update(table).where(_THIS_ONE).values(friendly_name=bindparam("new_name"), date_updated=bindparam("now"))
)
DELETE = Statement(delete(table).where(_THIS_ONE))
PAGES = PagedRows(
    table,
    CALLER_IDS.columns,
    {name: table.c[name] == bindparam(name) for name in ("phone_number", "friendly_name")},
    CALLER_IDS.read,
)


class CallerIdRepository:
    """The caller IDs of all accounts. Each method accesses one account."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, account_sid: AccountSid, sid: str) -> OutgoingCallerId | None:
        """Return a caller ID, or None."""
        row = self._session.first(FIND, account_sid=account_sid, sid=sid)
        return CALLER_IDS.read(row) if row else None

    def lock_for_update(self, account_sid: AccountSid, sid: str) -> OutgoingCallerId | None:
        """Return a caller ID, or None, and lock its row until the transaction ends."""
        row = self._session.first(LOCK_FOR_UPDATE, account_sid=account_sid, sid=sid)
        return CALLER_IDS.read(row) if row else None

    def find_by_number(self, account_sid: AccountSid, phone_number: str) -> OutgoingCallerId | None:
        """Return the caller ID for a number, or None."""
        row = self._session.first(FIND_BY_NUMBER, account_sid=account_sid, phone_number=phone_number)
        return CALLER_IDS.read(row) if row else None

    def add(self, caller_id: OutgoingCallerId) -> bool:
        """Add a caller ID.

        Return False, changing nothing, if its SID is taken, or if the account already has a caller ID for its number.
        """
        return self._session.change(ADD, **_values(caller_id)) > 0

    def rename(self, caller_id: OutgoingCallerId) -> None:
        """Store the friendly name of a caller ID, and the date of this update."""
        self._session.change(
            RENAME,
            account_sid=caller_id.account_sid,
            sid=caller_id.sid,
            new_name=caller_id.friendly_name,
            now=caller_id.date_updated,
        )

    def delete(self, account_sid: AccountSid, sid: str) -> bool:
        """Delete a caller ID. Return False if it does not exist."""
        return self._session.change(DELETE, account_sid=account_sid, sid=sid) > 0

    def page(self, account_sid: AccountSid, filters: dict[str, str], request: PageRequest) -> Page[OutgoingCallerId]:
        """Return one page of an account's caller IDs, newest first.

        `filters` may contain a `phone_number` and a `friendly_name`, which must match exactly.
        """
        return PAGES.page(self._session, account_sid, filters, request)

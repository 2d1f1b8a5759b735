"""Incoming phone numbers, the numbers that accounts own at Twilio."""

from sqlalchemy import bindparam, delete, select

from ringback.domain.incoming_phone_numbers import IncomingPhoneNumber
from ringback.domain.paging import Page, PageRequest
from ringback.domain.sids import AccountSid
from ringback.storage.pages import PagedRows
from ringback.storage.row_mapper import RowMapper
from ringback.storage.session import Session
from ringback.storage.statements import Statement, columns, insert_or_ignore
from ringback.storage.tables import incoming_phone_numbers as table

NUMBERS = RowMapper(IncomingPhoneNumber, columns(table, *IncomingPhoneNumber._fields))
_values = NUMBERS.writer(*NUMBERS.names)
_OF_ACCOUNT = table.c.account_sid == bindparam("account_sid")
_THIS_ONE = (table.c.sid == bindparam("sid")) & _OF_ACCOUNT

FIND = Statement(select(*NUMBERS.columns).where(_THIS_ONE))
FIND_BY_NUMBER = Statement(
    select(*NUMBERS.columns).where(_OF_ACCOUNT, table.c.phone_number == bindparam("phone_number"))
)
ADD = insert_or_ignore(table)
DELETE = Statement(delete(table).where(_THIS_ONE))
DELETE_ALL = Statement(delete(table).where(_OF_ACCOUNT))
PAGES = PagedRows(
    table,
    NUMBERS.columns,
    {
        "friendly_name": table.c.friendly_name == bindparam("friendly_name"),
        "pattern": table.c.phone_number.like(bindparam("pattern")),
    },
    NUMBERS.read,
)


class IncomingPhoneNumberRepository:
    """The incoming phone numbers of all accounts. Each method accesses one account."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, account_sid: AccountSid, sid: str) -> IncomingPhoneNumber | None:
        """Return a number by its SID, or None."""
        row = self._session.first(FIND, account_sid=account_sid, sid=sid)
        return NUMBERS.read(row) if row else None

    def find_by_number(self, account_sid: AccountSid, phone_number: str) -> IncomingPhoneNumber | None:
        """Return the resource for a number, or None if the account does not own the number."""
        row = self._session.first(FIND_BY_NUMBER, account_sid=account_sid, phone_number=phone_number)
        return NUMBERS.read(row) if row else None

    def add(self, number: IncomingPhoneNumber) -> bool:
        """Add a number. Return False, changing nothing, if its SID is taken or the account already owns it."""
        return self._session.change(ADD, **_values(number)) > 0

    def delete(self, account_sid: AccountSid, sid: str) -> bool:
        """Delete a number. Return False if it does not exist."""
        return self._session.change(DELETE, account_sid=account_sid, sid=sid) > 0

    def delete_all(self, account_sid: AccountSid) -> None:
        """Delete all numbers of an account."""
        self._session.change(DELETE_ALL, account_sid=account_sid)

    def page(self, account_sid: AccountSid, filters: dict[str, str], request: PageRequest) -> Page[IncomingPhoneNumber]:
        """Return one page of an account's numbers, newest first.

        `filters` may contain a `friendly_name`, which must match exactly, and a `pattern` for the number.
        """
        return PAGES.page(self._session, account_sid, filters, request)

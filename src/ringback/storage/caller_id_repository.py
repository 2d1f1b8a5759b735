"""The verified numbers."""

from sqlalchemy import bindparam, delete, func, select, union, update

from ringback.domain.caller_ids import OutgoingCallerId
from ringback.domain.paging import Page, PageRequest
from ringback.domain.sids import AccountSid
from ringback.storage.pages import PagedRows
from ringback.storage.session import Session
from ringback.storage.statements import Statement, columns, insert_or_ignore
from ringback.storage.tables import outgoing_caller_ids as table
from ringback.storage.tables import validation_calls

_COLUMNS = columns(table, "sid", "account_sid", "friendly_name", "phone_number", "date_created", "date_updated")
_OF_ACCOUNT = table.c.account_sid == bindparam("account_sid")
_THIS_ONE = (table.c.sid == bindparam("sid")) & _OF_ACCOUNT

FIND = Statement(select(*_COLUMNS).where(_THIS_ONE))
LOCK_FOR_UPDATE = Statement(select(*_COLUMNS).where(_THIS_ONE).with_for_update())
FIND_BY_NUMBER = Statement(select(*_COLUMNS).where(_OF_ACCOUNT, table.c.phone_number == bindparam("phone_number")))
ADD = insert_or_ignore(table)
RENAME = Statement(
    update(table).where(_THIS_ONE).values(friendly_name=bindparam("new_name"), date_updated=bindparam("now"))
)
DELETE = Statement(delete(table).where(_THIS_ONE))
_others_under_way = select(validation_calls.c.phone_number).where(
    validation_calls.c.account_sid == bindparam("account_sid"),
    validation_calls.c.ended_at.is_(None),
    validation_calls.c.phone_number != bindparam("phone_number"),
)
COUNT_OTHERS = Statement(
    select(func.count()).select_from(
        union(select(table.c.phone_number).where(_OF_ACCOUNT), _others_under_way).subquery()
    )
)
"""One statement, so that a number that is verified meanwhile is seen in the one table or in the other."""


PAGES = PagedRows(
    table,
    _COLUMNS,
    {name: table.c[name] == bindparam(name) for name in ("phone_number", "friendly_name")},
    OutgoingCallerId._make,
)


class CallerIdRepository:
    """The caller IDs of accounts; each method but `add` looks at one account's alone."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, account_sid: AccountSid, sid: str) -> OutgoingCallerId | None:
        row = self._session.first(FIND, account_sid=account_sid, sid=sid)
        return OutgoingCallerId._make(row) if row else None

    def lock_for_update(self, account_sid: AccountSid, sid: str) -> OutgoingCallerId | None:
        """Return a caller ID, and let nobody else change it till the unit of work ends."""
        row = self._session.first(LOCK_FOR_UPDATE, account_sid=account_sid, sid=sid)
        return OutgoingCallerId._make(row) if row else None

    def find_by_number(self, account_sid: AccountSid, phone_number: str) -> OutgoingCallerId | None:
        row = self._session.first(FIND_BY_NUMBER, account_sid=account_sid, phone_number=phone_number)
        return OutgoingCallerId._make(row) if row else None

    def count_taken(self, account_sid: AccountSid, phone_number: str) -> int:
        """Return how many numbers an account has verified, or is calling: another than this one."""
        row = self._session.first(COUNT_OTHERS, account_sid=account_sid, phone_number=phone_number)
        return int(row[0]) if row else 0

    def add(self, caller_id: OutgoingCallerId) -> bool:
        """Add a caller ID; False, and nothing changed, when its SID is taken, or its number has one in its account."""
        added = self._session.change(
            ADD,
            sid=caller_id.sid,
            account_sid=caller_id.account_sid,
            friendly_name=caller_id.friendly_name,
            phone_number=caller_id.phone_number,
            date_created=caller_id.date_created,
            date_updated=caller_id.date_updated,
        )
        return added > 0

    def rename(self, caller_id: OutgoingCallerId) -> None:
        """Store the caller ID's friendly name and the date it was updated."""
        self._session.change(
            RENAME,
            account_sid=caller_id.account_sid,
            sid=caller_id.sid,
            new_name=caller_id.friendly_name,
            now=caller_id.date_updated,
        )

    def delete(self, account_sid: AccountSid, sid: str) -> bool:
        """Delete a caller ID; False when there is none such."""
        return self._session.change(DELETE, account_sid=account_sid, sid=sid) > 0

    def page(self, account_sid: AccountSid, filters: dict[str, str], request: PageRequest) -> Page[OutgoingCallerId]:
        """Return one page, newest first; `filters` are exact `phone_number` and `friendly_name`."""
        return PAGES.page(self._session, account_sid, filters, request)

"""The verified numbers."""

from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, bindparam, delete, select, tuple_, update
from sqlalchemy.dialects.sqlite import insert

from ringback.domain.caller_ids import OutgoingCallerId
from ringback.domain.instants import Instant
from ringback.domain.paging import Direction, Page, PageRequest, PageToken, RowKey
from ringback.domain.sids import AccountSid
from ringback.storage.statements import Statement, column_parameters, columns
from ringback.storage.tables import outgoing_caller_ids as table

if TYPE_CHECKING:
    from ringback.storage.unit_of_work import UnitOfWork

_COLUMNS = columns(table, "sid", "account_sid", "friendly_name", "phone_number", "date_created", "date_updated")
_OF_ACCOUNT = table.c.account_sid == bindparam("account_sid")
_THIS_ONE = (table.c.sid == bindparam("sid")) & _OF_ACCOUNT
_KEY = tuple_(table.c.date_created, table.c.sid)
_TOKEN_KEY = tuple_(
    bindparam("created", type_=table.c.date_created.type), bindparam("after_sid", type_=table.c.sid.type)
)
_FILTERS = {"phone_number": table.c.phone_number, "friendly_name": table.c.friendly_name}

FIND = Statement(select(*_COLUMNS).where(_THIS_ONE))
FIND_BY_NUMBER = Statement(select(*_COLUMNS).where(_OF_ACCOUNT, table.c.phone_number == bindparam("phone_number")))
ADD = Statement(insert(table).values(column_parameters(table)).on_conflict_do_nothing(index_elements=["sid"]))
RENAME = Statement(
    update(table).where(_THIS_ONE).values(friendly_name=bindparam("new_name"), date_updated=bindparam("now"))
)
DELETE = Statement(delete(table).where(_THIS_ONE))


def _page_statement(filters: tuple[str, ...], direction: Direction | None) -> Statement:
    """Return the statement of one page: by key after (or before) a row, or by offset where there is no token."""
    query: Select[Any] = select(*_COLUMNS).where(_OF_ACCOUNT).limit(bindparam("row_limit"))
    for name in filters:
        query = query.where(_FILTERS[name] == bindparam(name))
    if direction == Direction.BEFORE:
        return Statement(query.where(_KEY > _TOKEN_KEY).order_by(table.c.date_created, table.c.sid))
    query = query.order_by(table.c.date_created.desc(), table.c.sid.desc())
    if direction == Direction.AFTER:
        return Statement(query.where(_KEY < _TOKEN_KEY))
    return Statement(query.offset(bindparam("row_offset")))


PAGES: dict[tuple[tuple[str, ...], Direction | None], Statement] = {
    (filters, direction): _page_statement(filters, direction)
    for filters in ((), ("phone_number",), ("friendly_name",), ("phone_number", "friendly_name"))
    for direction in (None, Direction.AFTER, Direction.BEFORE)
}


class CallerIdRepository:
    """The caller IDs of accounts; each method but `add` looks at one account's alone."""

    def __init__(self, unit_of_work: "UnitOfWork") -> None:
        self._unit_of_work = unit_of_work

    def find(self, account_sid: AccountSid, sid: str) -> OutgoingCallerId | None:
        row = self._unit_of_work.first(FIND, account_sid=account_sid, sid=sid)
        return OutgoingCallerId(*row) if row else None

    def find_by_number(self, account_sid: AccountSid, phone_number: str) -> OutgoingCallerId | None:
        row = self._unit_of_work.first(FIND_BY_NUMBER, account_sid=account_sid, phone_number=phone_number)
        return OutgoingCallerId(*row) if row else None

    def add(self, caller_id: OutgoingCallerId) -> bool:
        """Add a caller ID; False, and nothing changed, when its SID is taken."""
        added = self._unit_of_work.change(
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
        self._unit_of_work.change(
            RENAME,
            account_sid=caller_id.account_sid,
            sid=caller_id.sid,
            new_name=caller_id.friendly_name,
            now=caller_id.date_updated,
        )

    def delete(self, account_sid: AccountSid, sid: str) -> bool:
        """Delete a caller ID; False when there is none such."""
        return self._unit_of_work.change(DELETE, account_sid=account_sid, sid=sid) > 0

    def page(self, account_sid: AccountSid, filters: dict[str, str], request: PageRequest) -> Page[OutgoingCallerId]:
        """Return one page, newest first; `filters` are exact `phone_number` and `friendly_name`."""
        token = request.token
        statement = PAGES[tuple(name for name in _FILTERS if name in filters), token.direction if token else None]
        place = {"created": token.key.created, "after_sid": token.key.sid} if token else {"row_offset": request.offset}
        rows = self._unit_of_work.all(
            statement, account_sid=account_sid, row_limit=request.page_size + 1, **filters, **place
        )
        more = len(rows) > request.page_size
        found = [OutgoingCallerId(*row) for row in rows[: request.page_size]]
        if token and token.direction == Direction.BEFORE:
            return _page_before(token, request, found)
        return Page(
            request,
            found,
            PageToken(Direction.AFTER, _key(found[-1])) if more else None,
            PageToken(Direction.BEFORE, _key(found[0])) if found else None,
        )


def _page_before(token: PageToken, request: PageRequest, found: list[OutgoingCallerId]) -> Page[OutgoingCallerId]:
    """Return the page that leads up to the token's row; `found` comes in the order it was read, backwards."""
    if not found:
        first_of_all = RowKey(Instant(token.key.created + 1), token.key.sid)
        return Page(request, [], PageToken(Direction.AFTER, first_of_all), None)
    found.reverse()
    return Page(
        request, found, PageToken(Direction.AFTER, _key(found[-1])), PageToken(Direction.BEFORE, _key(found[0]))
    )


def _key(caller_id: OutgoingCallerId) -> RowKey:
    return RowKey(caller_id.date_created, caller_id.sid)

"""Pages of an account's rows, newest first.

A page is selected by its number, or by the key of the row before or after it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, Table, bindparam, select, tuple_

from ringback.domain.paging import DEFAULT_PAGE_SIZE, Direction, Keyed, Page, PageRequest, PageToken, RowKey, key_of
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import Timestamp
from ringback.storage.session import Session
from ringback.storage.statements import Statement
from ringback.storage.stepwise import Steps, finish

ROWS_AT_ONCE = DEFAULT_PAGE_SIZE + 1
"""Rows read per step."""


Row = TypeVar("Row", bound=Keyed)


class PagedRows(Generic[Row]):
    """Pages of a table that has the columns `date_created` and `sid`.

    `of_account` is the condition that selects the rows of the account `account_sid`; by default, the column
    `account_sid` must match. `filters` maps the names of parameters to the conditions that contain them. `read`
    converts the values of `columns` to a result. A statement is built when it is first used, because most of the many
    combinations of filters never occur.
    """

    def __init__(
        self,
        table: Table,
        columns: Sequence[ColumnElement[Any]],
        filters: Mapping[str, ColumnElement[bool]],
        read: Callable[[tuple[Any, ...]], Row],
        of_account: ColumnElement[bool] | None = None,
    ) -> None:
        self._table = table
        self._of_account = table.c.account_sid == bindparam("account_sid") if of_account is None else of_account
        self._columns = columns
        self._filters = filters
        self._read = read
        self._statements: dict[tuple[tuple[str, ...], Direction | None], Statement] = {}

    def page(
        self, session: Session, account_sid: AccountSid, values: Mapping[str, Any], request: PageRequest
    ) -> Page[Row]:
        """Return one page in a single step. Use it for rows that can be read quickly."""
        return finish(self.page_steps(session, account_sid, values, request))

    def page_steps(
        self, session: Session, account_sid: AccountSid, values: Mapping[str, Any], request: PageRequest
    ) -> Steps[Page[Row]]:
        """Return one page, in steps. `values` maps the names of the filters' parameters to their values."""
        token = request.token
        place = {"created": token.key.created, "after_sid": token.key.sid} if token else {"row_offset": request.offset}
        values_read: list[Row] = []
        statement = self._statement(values, token)
        limits = {**place, "account_sid": account_sid, "row_limit": request.page_size + 1}
        for batch in session.batches(statement, ROWS_AT_ONCE, **values, **limits):
            values_read += map(self._read, batch)
            yield
        more = len(values_read) > request.page_size
        del values_read[request.page_size :]
        if token and token.direction == Direction.BEFORE:
            return _page_before(token, request, values_read)
        return Page(
            request,
            values_read,
            PageToken(Direction.AFTER, key_of(values_read[-1])) if more else None,
            PageToken(Direction.BEFORE, key_of(values_read[0])) if values_read else None,
        )

    def _statement(self, values: Mapping[str, Any], token: PageToken | None) -> Statement:
        which = tuple(name for name in self._filters if name in values), token.direction if token else None
        if which not in self._statements:
            self._statements[which] = self._new_statement(*which)
        return self._statements[which]

    def _new_statement(self, filters: tuple[str, ...], direction: Direction | None) -> Statement:
        created, sid = self._table.c.date_created, self._table.c.sid
        query: Select[Any] = select(*self._columns).where(self._of_account)
        query = query.where(*(self._filters[name] for name in filters)).limit(bindparam("row_limit"))
        key = tuple_(created, sid)
        token_key = tuple_(bindparam("created", type_=created.type), bindparam("after_sid", type_=sid.type))
        if direction == Direction.BEFORE:
            return Statement(query.where(key > token_key).order_by(created, sid))
        query = query.order_by(created.desc(), sid.desc())
        if direction == Direction.AFTER:
            return Statement(query.where(key < token_key))
        return Statement(query.offset(bindparam("row_offset")))


def _page_before(token: PageToken, request: PageRequest, values_read: list[Row]) -> Page[Row]:
    """Return the page that ends before the token's row, from rows that were read in reverse order."""
    if not values_read:
        first_of_all = RowKey(Timestamp(token.key.created + 1), token.key.sid)
        return Page(request, [], PageToken(Direction.AFTER, first_of_all), None)
    values_read.reverse()
    return Page(
        request,
        values_read,
        PageToken(Direction.AFTER, key_of(values_read[-1])),
        PageToken(Direction.BEFORE, key_of(values_read[0])),
    )

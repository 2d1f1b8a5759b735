"""The request journal: each account's newest requests to the Twilio API, and the operations that it has used so far."""

from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import bindparam, insert, select

from ringback.domain.request_journal import AnsweredRequest, JournaledRequest
from ringback.domain.sids import AccountSid
from ringback.storage.journal_tables import requests as table
from ringback.storage.journal_tables import used_operations
from ringback.storage.request_journal import RequestJournal
from ringback.storage.row_mapper import Field, RowMapper
from ringback.storage.session import Row, Session
from ringback.storage.statements import Statement, columns, insert_or_ignore, parameters, prune
from ringback.storage.unreadable_rows import first_readable, require


def request_parameters_of(text: Any) -> dict[str, str]:
    """Return the request parameters that a row holds. Raises ValueError if they do not map names to strings."""
    parameters: dict[str, str] = orjson.loads(text)
    is_text = isinstance(parameters, dict) and all(isinstance(value, str) for value in parameters.values())
    require(is_text, "parameters", text)
    return parameters


def _parameters_text(parameters: Mapping[str, str]) -> str:
    return orjson.dumps(parameters).decode()


ANSWERED_REQUESTS = RowMapper(
    AnsweredRequest,
    columns(table, *AnsweredRequest._fields),
    parameters=Field(request_parameters_of, write=_parameters_text),
)
_values = ANSWERED_REQUESTS.writer(*ANSWERED_REQUESTS.names)
_COLUMNS = (table.c.id, *ANSWERED_REQUESTS.columns)
_read_answered = ANSWERED_REQUESTS.reader(_COLUMNS)
_OF_ACCOUNT = table.c.account_sid == bindparam("account_sid")

ADD = Statement(insert(table).values(parameters(table, *AnsweredRequest._fields)))
NEWEST = Statement(
    select(*_COLUMNS)
    .where(_OF_ACCOUNT, table.c.id < bindparam("before_id"))
    .order_by(table.c.id.desc())
    .limit(bindparam("row_limit"))
)
PRUNE = prune(table)
ADD_USED_OPERATION = insert_or_ignore(used_operations, "account_sid", "operation")
USED_OPERATIONS = Statement(
    select(used_operations.c.operation).where(used_operations.c.account_sid == bindparam("account_sid"))
)


class RequestRepository:
    """The written requests. `journal` holds the requests that are not written yet."""

    def __init__(self, session: Session, journal: RequestJournal) -> None:
        self._session = session
        self.journal = journal

    def add(self, request: AnsweredRequest) -> None:
        """Add a request."""
        self._session.change(ADD, **_values(request))

    def newest(self, account_sid: AccountSid, *, before_id: int, limit: int) -> list[JournaledRequest]:
        """Return the account's requests with ids below `before_id`, newest first. Unreadable rows are skipped."""

        def fetch(before_id: int, rows: int) -> list[Row]:
            return self._session.all(NEWEST, account_sid=account_sid, before_id=before_id, row_limit=rows)

        return first_readable("requests", fetch, _request, from_id=before_id, limit=limit)

    def add_used_operation(self, account_sid: AccountSid, operation: str) -> None:
        """Record that requests of an account have used an operation."""
        self._session.change(ADD_USED_OPERATION, account_sid=account_sid, operation=operation)

    def used_operations(self, account_sid: AccountSid) -> set[str]:
        """Return the operations that an account's written requests have used, including requests that were pruned."""
        return {operation for (operation,) in self._session.all(USED_OPERATIONS, account_sid=account_sid)}

    def prune(self, account_sid: AccountSid, *, kept: int) -> None:
        """Delete all but the newest `kept` requests of an account."""
        self._session.change(PRUNE, account_sid=account_sid, kept=kept)


def _request(row: Row) -> JournaledRequest:
    return JournaledRequest(row[0], _read_answered(row))

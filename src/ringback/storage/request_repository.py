"""The requests that accounts keep of those that the Twilio surface has answered."""

from typing import Any

import orjson
from sqlalchemy import bindparam, insert, select

from ringback.domain.request_journal import AnsweredRequest, JournaledRequest
from ringback.domain.sids import AccountSid
from ringback.storage.journal_statements import prune
from ringback.storage.journal_tables import requests as table
from ringback.storage.request_journal import RequestJournal
from ringback.storage.session import Session
from ringback.storage.statements import Statement, columns
from ringback.storage.unreadable_rows import first_readable, require

_PARAMETERS = AnsweredRequest._fields.index("parameters")
_OF_ACCOUNT = table.c.account_sid == bindparam("account_sid")

ADD = Statement(
    insert(table).values({name: bindparam(name, type_=table.c[name].type) for name in AnsweredRequest._fields})
)
NEWEST = Statement(
    select(*columns(table, "id", *AnsweredRequest._fields))
    .where(_OF_ACCOUNT, table.c.id < bindparam("before_id"))
    .order_by(table.c.id.desc())
    .limit(bindparam("row_limit"))
)
PRUNE = prune(table)


class RequestRepository:
    """What was asked; what is not written yet waits in `journal`."""

    def __init__(self, session: Session, journal: RequestJournal) -> None:
        self._session = session
        self.journal = journal

    def add(self, request: AnsweredRequest) -> None:
        values = request._asdict()
        values["parameters"] = orjson.dumps(request.parameters).decode()
        self._session.change(ADD, **values)

    def newest(self, account_sid: AccountSid, *, before_id: int, limit: int) -> list[JournaledRequest]:
        """Return the account's requests before the one with an id, newest first; unreadable ones are left out."""

        def fetch(before_id: int, rows: int) -> list[tuple[Any, ...]]:
            return self._session.all(NEWEST, account_sid=account_sid, before_id=before_id, row_limit=rows)

        return first_readable("requests", fetch, _request, from_id=before_id, limit=limit)

    def prune(self, account_sid: AccountSid, *, kept: int) -> None:
        """Forget all but the newest `kept` requests."""
        self._session.change(PRUNE, account_sid=account_sid, kept=kept)


def _request(row: tuple[Any, ...]) -> JournaledRequest:
    stored = AnsweredRequest._make(row[1:])
    return JournaledRequest(row[0], stored._replace(parameters=request_parameters_of(row[1 + _PARAMETERS])))


def request_parameters_of(text: Any) -> dict[str, str]:
    """Return the parameters of a request that a row holds. Raises ValueError where they are not text by name."""
    parameters: dict[str, str] = orjson.loads(text)
    is_text = isinstance(parameters, dict) and all(isinstance(value, str) for value in parameters.values())
    require(is_text, "parameters", text)
    return parameters

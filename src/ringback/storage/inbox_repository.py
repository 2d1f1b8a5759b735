"""The messages in the accounts' inboxes.

No attribute of the unit of work: the verdicts on signatures are not to be imported when the server starts.
"""

from dataclasses import asdict
from typing import Any

import orjson
from sqlalchemy import bindparam, delete, func, insert, select

from ringback.domain.inbox import InboxMessage, InboxSummary, StoredMessage
from ringback.domain.sids import AccountSid
from ringback.domain.signature_check import SignatureVerdict
from ringback.storage.journal_statements import prune
from ringback.storage.journal_tables import inbox_messages as table
from ringback.storage.session import Session
from ringback.storage.statements import Statement, columns
from ringback.storage.unreadable_rows import first_readable, require

SHOWN = ("at", "method", "url", "headers", "parameters", "body", "verdict")
_OF_ACCOUNT = table.c.account_sid == bindparam("account_sid")
_OF_INBOX = (_OF_ACCOUNT, table.c.name == bindparam("inbox"))

ADD = Statement(
    insert(table).values({name: bindparam(name, type_=table.c[name].type) for name in ("account_sid", "name", *SHOWN)})
)
NEWEST = Statement(
    select(*columns(table, "id", *SHOWN))
    .where(*_OF_INBOX, table.c.id < bindparam("before_id"))
    .order_by(table.c.id.desc())
    .limit(bindparam("row_limit"))
)
_COUNTED = (
    select(table.c.name, func.count().label("messages"), func.max(table.c.id).label("newest_id"))
    .where(_OF_ACCOUNT)
    .group_by(table.c.name)
    .subquery()
)
SUMMARIES = Statement(
    select(_COUNTED.c.name, _COUNTED.c.messages, table.c.at)
    .join_from(_COUNTED, table, table.c.id == _COUNTED.c.newest_id)
    .order_by(_COUNTED.c.newest_id.desc())
)
EMPTY = Statement(delete(table).where(*_OF_INBOX))
PRUNE = prune(table)


class InboxRepository:
    """What came in, inbox by inbox."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, account_sid: AccountSid, inbox: str, message: InboxMessage) -> None:
        self._session.change(
            ADD,
            account_sid=account_sid,
            name=inbox,
            at=message.at,
            method=message.method,
            url=message.url,
            headers=_json(message.headers),
            parameters=_json(message.parameters),
            body=message.body,
            verdict=verdict_text(message.signature),
        )

    def newest(self, account_sid: AccountSid, inbox: str, *, before_id: int, limit: int) -> list[StoredMessage]:
        """Return an inbox's messages before the one with an id, newest first; one that cannot be read is left out."""

        def fetch(before_id: int, rows: int) -> list[tuple[Any, ...]]:
            return self._session.all(NEWEST, account_sid=account_sid, inbox=inbox, before_id=before_id, row_limit=rows)

        return first_readable("inbox_messages", fetch, message_of, from_id=before_id, limit=limit)

    def summaries(self, account_sid: AccountSid) -> list[InboxSummary]:
        """Return the account's inboxes that have messages, the one with the newest message first."""
        return [InboxSummary(*row) for row in self._session.all(SUMMARIES, account_sid=account_sid)]

    def empty(self, account_sid: AccountSid, inbox: str) -> None:
        self._session.change(EMPTY, account_sid=account_sid, inbox=inbox)

    def prune(self, account_sid: AccountSid, *, kept: int) -> None:
        """Forget all but the newest `kept` messages of an account, whichever inboxes they are in."""
        self._session.change(PRUNE, account_sid=account_sid, kept=kept)


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def verdict_text(verdict: SignatureVerdict) -> str:
    """Return the column of a verdict. It names `is_valid` as ringback 0.1.0 did, whose rows and snapshots have it."""
    fields = asdict(verdict)
    return _json({"is_right": fields.pop("is_valid"), **fields})


def verdict_of(text: str) -> SignatureVerdict:
    """Return the verdict that a column holds."""
    fields = orjson.loads(text)
    return SignatureVerdict(is_valid=fields.pop("is_right"), **fields)


def message_of(row: tuple[Any, ...]) -> StoredMessage:
    """Return the message of a row: its id, and the columns in `SHOWN`. Raises ValueError and TypeError."""
    number, at, method, url, headers, parameters, body, verdict = row
    return StoredMessage(
        number,
        InboxMessage(
            at,
            method,
            url,
            _pairs(headers),
            _pairs(parameters),
            body,
            verdict_of(verdict),
        ),
    )


def _pairs(text: Any) -> tuple[tuple[str, str], ...]:
    pairs = tuple((name, value) for name, value in orjson.loads(text))
    require(all(isinstance(part, str) for pair in pairs for part in pair), "headers or parameters", text)
    return pairs

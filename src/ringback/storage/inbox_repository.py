"""The messages in the accounts' inboxes.

Operations create this repository when they need it. If it were an attribute of the unit of work, the signature check
would be imported at every startup.
"""

from dataclasses import asdict
from typing import Any

import orjson
from sqlalchemy import bindparam, delete, func, insert, select

from ringback.domain.inbox import InboxMessage, InboxSummary, StoredMessage
from ringback.domain.sids import AccountSid
from ringback.domain.signature_check import SignatureVerdict
from ringback.storage.journal_tables import inbox_messages as table
from ringback.storage.row_mapper import Field, RowMapper
from ringback.storage.session import Row, Session
from ringback.storage.statements import Statement, columns, parameters, prune
from ringback.storage.unreadable_rows import first_readable, require


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def verdict_text(verdict: SignatureVerdict) -> str:
    """Serialize a verdict. `is_valid` gets the key `is_right`, as in rows and snapshots of ringback 0.1.0."""
    fields = asdict(verdict)
    return _json({"is_right": fields.pop("is_valid"), **fields})


def verdict_of(text: str) -> SignatureVerdict:
    """Parse the verdict that a column holds."""
    fields = orjson.loads(text)
    return SignatureVerdict(is_valid=fields.pop("is_right"), **fields)


def _pairs(text: Any) -> tuple[tuple[str, str], ...]:
    pairs = tuple((name, value) for name, value in orjson.loads(text))
    require(all(isinstance(part, str) for pair in pairs for part in pair), "headers or parameters", text)
    return pairs


_MESSAGES = RowMapper(
    InboxMessage,
    columns(table, "at", "method", "url", "headers", "parameters", "body", "verdict"),
    headers=Field(_pairs, write=_json),
    parameters=Field(_pairs, write=_json),
    signature=Field(verdict_of, ("verdict",)),
)
_values = _MESSAGES.writer(*(name for name in _MESSAGES.names if name != "verdict"))
MESSAGE_COLUMNS = (table.c.id, *_MESSAGES.columns)
_read_message = _MESSAGES.reader(MESSAGE_COLUMNS)


def message_of(row: Row) -> StoredMessage:
    """Return the message that a row of MESSAGE_COLUMNS holds. Raises ValueError or TypeError."""
    return StoredMessage(row[0], _read_message(row))


_OF_ACCOUNT = table.c.account_sid == bindparam("account_sid")
_OF_INBOX = (_OF_ACCOUNT, table.c.name == bindparam("inbox"))

ADD = Statement(insert(table).values(parameters(table, "account_sid", "name", *_MESSAGES.names)))
NEWEST = Statement(
    select(*MESSAGE_COLUMNS)
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
    """The messages of each inbox."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, account_sid: AccountSid, inbox: str, message: InboxMessage) -> None:
        """Add a message to an inbox."""
        verdict = verdict_text(message.signature)
        self._session.change(ADD, account_sid=account_sid, name=inbox, verdict=verdict, **_values(message))

    def newest(self, account_sid: AccountSid, inbox: str, *, before_id: int, limit: int) -> list[StoredMessage]:
        """Return an inbox's messages with ids below `before_id`, newest first. Unreadable rows are skipped."""

        def fetch(before_id: int, rows: int) -> list[Row]:
            return self._session.all(NEWEST, account_sid=account_sid, inbox=inbox, before_id=before_id, row_limit=rows)

        return first_readable("inbox_messages", fetch, message_of, from_id=before_id, limit=limit)

    def summaries(self, account_sid: AccountSid) -> list[InboxSummary]:
        """Return the inboxes that have messages. The inbox with the newest message is first."""
        return [InboxSummary(*row) for row in self._session.all(SUMMARIES, account_sid=account_sid)]

    def empty(self, account_sid: AccountSid, inbox: str) -> None:
        """Delete the messages of an inbox."""
        self._session.change(EMPTY, account_sid=account_sid, inbox=inbox)

    def prune(self, account_sid: AccountSid, *, kept: int) -> None:
        """Delete all but the newest `kept` messages of an account, across its inboxes."""
        self._session.change(PRUNE, account_sid=account_sid, kept=kept)

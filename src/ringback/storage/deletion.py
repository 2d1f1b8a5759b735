"""Deletion of many rows in steps, because a single statement would block the event loop."""

from sqlalchemy import Table, bindparam, delete, select, tuple_

from ringback.domain.sids import AccountSid
from ringback.storage.journal_tables import TABLES
from ringback.storage.registration import Reset, registration_of
from ringback.storage.session import Session
from ringback.storage.statements import Statement
from ringback.storage.stepwise import Steps

ROWS_AT_ONCE = 20
"""Maximum number of rows deleted per step. It is small because one inbox message may fill hundreds of pages."""


def _delete_some(table: Table, *, of_account: bool) -> Statement:
    key = tuple_(*table.primary_key.columns)
    some = select(*table.primary_key.columns).limit(bindparam("row_limit"))
    if of_account:
        some = some.where(table.c.account_sid == bindparam("account_sid"))
    return Statement(delete(table).where(key.in_(some)))


def _tables(*resets: Reset) -> list[Table]:
    """Return the tables that are registered with one of these resets. Each precedes the tables that it references."""
    return [table for table in reversed(TABLES) if registration_of(table).reset in resets]


DELETE_CONTENTS = tuple(_delete_some(table, of_account=True) for table in _tables(Reset.DELETED))
DELETE_EVERYTHING = tuple(_delete_some(table, of_account=False) for table in _tables(Reset.DELETED, Reset.KEPT))


def delete_contents(session: Session, account_sid: AccountSid) -> Steps[None]:
    """Delete all rows of an account that a reset of the account deletes."""
    for statement in DELETE_CONTENTS:
        while session.change(statement, account_sid=account_sid, row_limit=ROWS_AT_ONCE) == ROWS_AT_ONCE:
            yield


def delete_everything(session: Session) -> Steps[None]:
    """Delete the rows of all tables."""
    for statement in DELETE_EVERYTHING:
        while session.change(statement, row_limit=ROWS_AT_ONCE):
            yield

"""Deleting many rows in steps: one statement for all of them would hold up the event loop."""

from sqlalchemy import Table, bindparam, delete, select, tuple_

from ringback.domain.sids import AccountSid
from ringback.storage.journal_tables import events, faults, inbox_messages, requests
from ringback.storage.session import Session
from ringback.storage.statements import Statement
from ringback.storage.stepwise import Steps
from ringback.storage.tables import (
    accounts,
    api_keys,
    outgoing_caller_ids,
    phone_rules,
    phone_scripts,
    validation_calls,
)

ROWS_AT_ONCE = 20
"""How many rows are deleted between two pauses: a message in an inbox may take up hundreds of pages."""

CONTENTS = (
    outgoing_caller_ids,
    validation_calls,
    phone_rules,
    phone_scripts,
    faults,
    events,
    requests,
    inbox_messages,
)
"""The tables of an account's data; callbacks and their attempts are deleted with their calls."""


def _delete_some(table: Table, *, of_account: bool) -> Statement:
    key = tuple_(*table.primary_key.columns)
    some = select(*table.primary_key.columns).limit(bindparam("row_limit"))
    if of_account:
        some = some.where(table.c.account_sid == bindparam("account_sid"))
    return Statement(delete(table).where(key.in_(some)))


DELETE_CONTENTS = tuple(_delete_some(table, of_account=True) for table in CONTENTS)
DELETE_EVERYTHING = tuple(_delete_some(table, of_account=False) for table in (*CONTENTS, api_keys, accounts))


def delete_contents(session: Session, account_sid: AccountSid) -> Steps[None]:
    """Delete all that an account holds but keys and subaccounts."""
    for statement in DELETE_CONTENTS:
        while session.change(statement, account_sid=account_sid, row_limit=ROWS_AT_ONCE) == ROWS_AT_ONCE:
            yield


def delete_everything(session: Session) -> Steps[None]:
    """Delete all rows of all tables."""
    for statement in DELETE_EVERYTHING:
        while session.change(statement, row_limit=ROWS_AT_ONCE):
            yield

"""Statements that are the same for every journal: a table of an account's entries, the later ones with higher ids."""

from typing import Any

from sqlalchemy import ScalarSelect, Table, bindparam, delete, select

from ringback.storage.statements import Statement


def newest_to_go(table: Table) -> ScalarSelect[Any]:
    """Return what finds the newest of an account's entries that is not among the newest `kept`."""
    ids = select(table.c.id).where(table.c.account_sid == bindparam("account_sid"))
    return ids.order_by(table.c.id.desc()).limit(1).offset(bindparam("kept")).scalar_subquery()


def prune(table: Table) -> Statement:
    """Return what deletes all of an account's entries but the newest `kept`."""
    of_account = table.c.account_sid == bindparam("account_sid")
    return Statement(delete(table).where(of_account, table.c.id <= newest_to_go(table)))

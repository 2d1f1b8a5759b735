"""Statements that are the same for every journal: a table of an account's entries, the later ones with higher ids."""

from sqlalchemy import Table, bindparam, delete, select

from ringback.storage.statements import Statement


def forget_oldest(table: Table) -> Statement:
    """Return what deletes all of an account's entries but the newest `kept`."""
    of_account = table.c.account_sid == bindparam("account_sid")
    newest_to_go = select(table.c.id).where(of_account).order_by(table.c.id.desc()).limit(1).offset(bindparam("kept"))
    return Statement(delete(table).where(of_account, table.c.id <= newest_to_go.scalar_subquery()))

"""Registration of tables: resets, deletion and snapshots cover every table. Failures name what is missing."""

from typing import Any

import pytest
from sqlalchemy import Column, MetaData, String, Table, Text, insert

from ringback.operations.accounts import delete_account, reset_account, reset_everything
from ringback.storage.journal_tables import TABLES
from ringback.storage.registration import Reset, registration_of
from ringback.storage.snapshot_checks import CHECKS
from ringback.storage.snapshots import SNAPSHOT_TABLES
from ringback.storage.statements import Statement, column_parameters
from ringback.storage.tables import accounts
from ringback.storage.unit_of_work import UnitOfWork
from support.domain_values import ACCOUNT_SID
from support.in_process.simulation import Simulation, query

OTHER_SID = "AC" + "e" * 32


def row_of(table: Table, account_sid: str) -> dict[str, Any]:
    """Return a row of an account whose foreign keys refer to that account's rows in the other tables."""

    def value(column: Column[Any]) -> Any:
        if column.name == "parent_sid":
            return None
        if column.foreign_keys:
            [key] = column.foreign_keys
            return account_sid if key.column is accounts.c.sid else value(key.column)
        if not isinstance(column.type, String):
            return 1 if account_sid == ACCOUNT_SID else 2
        return account_sid if table is accounts and column.name == "sid" else account_sid[-1]

    return {str(column.name): value(column) for column in table.c}


def fill(unit_of_work: UnitOfWork) -> None:
    """Add a row to every table for each of two accounts."""
    with unit_of_work:
        for account_sid in (ACCOUNT_SID, OTHER_SID):
            for table in TABLES:
                if table is not accounts or unit_of_work.accounts.find(account_sid) is None:
                    unit_of_work.change(
                        Statement(insert(table).values(column_parameters(table))), **row_of(table, account_sid)
                    )


def counts(simulation: Simulation) -> dict[str, int]:
    rows = {str(table.name): query(simulation.database, f"SELECT 1 FROM {table.name}") for table in TABLES}  # noqa: S608
    return {name: len(found) for name, found in rows.items()}


def test_table_without_a_registration_is_rejected_by_name() -> None:
    table = Table("forgotten", MetaData(), Column("sid", String(34), primary_key=True))

    with pytest.raises(TypeError, match=r"the table forgotten needs info=registered\(reset=\.\.\.\)"):
        registration_of(table)


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_registration_agrees_with_the_keys_of_its_table(table: Table) -> None:
    cascading = [key.column for key in table.foreign_keys if key.ondelete == "CASCADE"]

    if registration_of(table).reset is Reset.CASCADED:
        parents = [registration_of(column.table).reset for column in cascading if column.table is not accounts]
        assert parents, f"{table.name} in storage/tables.py needs a foreign key with ON DELETE CASCADE"
        assert Reset.KEPT not in parents
    elif table is not accounts:
        assert table.c.account_sid.references(accounts.c.sid), f"{table.name} needs account_sid_column()"


@pytest.mark.parametrize("table", SNAPSHOT_TABLES, ids=str)
def test_structured_columns_of_a_snapshot_are_checked(table: Table) -> None:
    texts = [str(column.name) for column in table.c if isinstance(column.type, Text)]

    assert not texts or table.name in CHECKS, (
        f"add {table.name} to CHECKS in storage/snapshot_checks.py for {texts}, or give plain text the type String"
    )


def test_reset_deletes_an_accounts_rows_in_every_table(simulation: Simulation) -> None:
    fill(simulation.unit_of_work)

    reset_account(simulation.unit_of_work, ACCOUNT_SID)

    expected = {str(table.name): 2 if registration_of(table).reset is Reset.KEPT else 1 for table in TABLES}
    assert counts(simulation) == expected, "see the registrations in storage/tables.py"


def test_deletion_of_an_account_deletes_its_rows_in_every_table(simulation: Simulation) -> None:
    fill(simulation.unit_of_work)

    delete_account(simulation.unit_of_work, ACCOUNT_SID)

    assert counts(simulation) == {str(table.name): 1 for table in TABLES}


def test_global_reset_empties_every_table(simulation: Simulation) -> None:
    fill(simulation.unit_of_work)

    reset_everything(simulation.unit_of_work)

    assert counts(simulation) == {str(table.name): 0 for table in TABLES}

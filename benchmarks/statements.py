"""The time saved by compiling statements once: `python -m benchmarks.statements` reads a row in three ways."""

import sqlite3
import timeit
from collections.abc import Callable
from statistics import median

from sqlalchemy import bindparam, select

from ringback.domain.accounts import Account
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import Timestamp
from ringback.operations.accounts import ensure_account
from ringback.storage.account_repository import ACCOUNTS, FIND_ACCOUNT
from ringback.storage.database_factory import open_database
from ringback.storage.schema import migrate
from ringback.storage.sqlite_database import SqliteDatabase
from ringback.storage.tables import accounts

READS = 5_000
REPEATS = 7
SID = AccountSid("AC00000000000000000000000000000001")


def main() -> None:
    """Print the median time of a read in microseconds: by ringback, through SQLAlchemy, and by the driver alone."""
    database = open_database("sqlite://")
    migrate(database)
    assert isinstance(database, SqliteDatabase)  # noqa: S101
    unit_of_work = database.unit_of_work
    ensure_account(unit_of_work, SID, "token", Timestamp(0))
    core = select(accounts).where(accounts.c.sid == bindparam("sid"))
    text, _ = FIND_ACCOUNT.for_dialect(database.engine.dialect)
    driver = database.connection
    assert isinstance(driver, sqlite3.Connection)  # noqa: S101

    def compiled_once() -> Account | None:
        return unit_of_work.accounts.find(SID)

    with database.engine.connect() as connection:

        def through_sqlalchemy() -> Account:
            return ACCOUNTS.read(tuple(connection.execute(core, {"sid": SID}).one()))

        def driver_alone() -> tuple[object, ...]:
            return driver.execute(text, {"sid": SID}).fetchone()  # type: ignore[no-any-return]

        for read in (compiled_once, through_sqlalchemy, driver_alone):
            print(f"{read.__name__.replace('_', ' '):<20}{_microseconds(read):>7.1f} us")


def _microseconds(read: Callable[[], object]) -> float:
    return median(timeit.repeat(read, number=READS, repeat=REPEATS)) / READS * 1_000_000


if __name__ == "__main__":
    main()

"""Large databases, made by copying a row that a server has written."""

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.client import ACCOUNT_SID

SEEDED_NUMBERS_FROM = "+1650200"
SID_MULTIPLIER = 0x9E3779B97F4A7C15F39CC0605CEDC835
"""Odd, so that its multiples modulo 2**128 are distinct: the SIDs are in random order, as real ones are."""
PRAGMAS = ("PRAGMA synchronous = OFF", "PRAGMA cache_size = -400000")


def seed_file(folder: Path, caller_ids: int) -> Path:
    """Write a seed file with `caller_ids` caller IDs of the default account."""
    lines = ["[[accounts]]", f'sid = "{ACCOUNT_SID}"', ""]
    for position in range(caller_ids):
        lines += ["[[accounts.caller_ids]]", f'phone_number = "{SEEDED_NUMBERS_FROM}{position:04d}"', ""]
    seed = folder / f"seed-{caller_ids}.toml"
    seed.write_text("\n".join(lines), encoding="utf-8")
    return seed


def sid(prefix: str, number: int) -> str:
    """Return the SID of the copy with this number."""
    return f"{prefix}{number * SID_MULTIPLIER % 2**128:032x}"


def multiply(database: Path, table: str, copies: Iterable[Mapping[str, Any]]) -> None:
    """Copy the only row of a table. Each of `copies` maps the same columns to the values of one new row.

    No server may have the file open.
    """
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        for pragma in PRAGMAS:
            connection.execute(pragma)
        [original] = connection.execute(f"SELECT * FROM {table}")  # noqa: S608 - our own tables
        columns = original.keys()
        places = ", ".join(f":{column}" for column in columns)
        insert = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608 - our own tables
        constant = dict(original)
        connection.execute("BEGIN")
        connection.executemany(insert, ({**constant, **copy} for copy in copies))
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

"""The database and the snapshots of ringback 0.1.0, read by this version."""

import json
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, insert, inspect, text
from sqlalchemy.pool import NullPool

from ringback.domain.permissions import STANDARD_ACCESS
from ringback.domain.sids import AccountSid
from ringback.domain.signature_check import SignatureVerdict
from ringback.storage.database_factory import open_database
from ringback.storage.inbox_repository import message_of, verdict_text
from ringback.storage.schema import is_at_head, migrate, migrations_folder
from ringback.storage.snapshots import ADDED_COLUMNS, SNAPSHOT_TABLES
from ringback.storage.tables import api_keys
from support.in_process.control import Controlled

SNAPSHOT: dict[str, Any] = json.loads((Path(__file__).parent / "snapshots" / "written-by-0.1.0.json").read_bytes())
VERSION = SNAPSHOT["version"]
KEY_SID = "SK" + "1" * 32


def call_sid(url: str) -> str:
    """Return the SID of the call whose StatusCallback has this path."""
    [sid] = [row["call_sid"] for row in SNAPSHOT["tables"]["status_callbacks"] if row["url"].endswith(url)]
    return str(sid)


def account_sid() -> str:
    return str(SNAPSHOT["tables"]["status_callbacks"][0]["account_sid"])


@pytest.mark.anyio
async def test_snapshot_of_0_1_0_is_restored_with_its_journal(controlled: Controlled) -> None:
    answer = await controlled.ask("PUT", "/snapshot", SNAPSHOT)

    assert (answer.status_code, answer.text) == (204, "")
    journal = (await controlled.ask("GET", f"/accounts/{account_sid()}/calls/{call_sid('/done')}/callbacks")).json()
    [redirected] = journal["callbacks"]
    assert (redirected["method"], redirected["parameters"], redirected["hops"]) == ("GET", {}, [])
    assert redirected["signature"]["is_valid"]
    refused = (await controlled.ask("GET", f"/accounts/{account_sid()}/calls/{call_sid('/closed')}/callbacks")).json()
    assert [attempt["signature"] for attempt in refused["callbacks"]] == [None, None]
    assert (await controlled.ask("GET", "/snapshot")).json()["version"] != VERSION


@pytest.mark.anyio
async def test_edited_snapshot_of_0_1_0_is_refused(controlled: Controlled) -> None:
    answer = await controlled.ask("PUT", "/snapshot", {**SNAPSHOT, "digest": "0" * 64})

    assert answer.status_code == 422
    assert "truncated or edited" in answer.json()["error"]


def test_database_of_0_1_0_is_migrated_with_its_rows(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'file.db'}"
    write_database(url)
    database = open_database(url)

    migrate(database)

    assert is_at_head(database)
    [redirected] = database.unit_of_work.callbacks.attempts(call_sid("/done"))
    assert (redirected.method, redirected.status_code, redirected.hops) == ("GET", 200, ())
    assert len(database.unit_of_work.callbacks.attempts(call_sid("/closed"))) == 2
    [key] = database.unit_of_work.api_keys.of_account(AccountSid(account_sid()))
    assert (key.sid, key.secret, key.access) == (KEY_SID, "secret", STANDARD_ACCESS)
    database.close()


def write_database(url: str) -> None:
    """Create a database as ringback 0.1.0 does, with the rows of the snapshot."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(migrations_folder()))
        config.attributes["connection"] = connection
        command.upgrade(config, VERSION)
        connection.execute(text("PRAGMA foreign_keys = OFF"))
        for table in SNAPSHOT_TABLES:
            for row in SNAPSHOT["tables"].get(table.name, ()):
                connection.execute(insert(table).values(row))
        row = {"sid": KEY_SID, "account_sid": account_sid(), "secret": "secret", "date_created": 0}
        connection.execute(insert(api_keys).values(row))
    engine.dispose()


def test_verdict_of_0_1_0_on_a_message_is_unchanged_by_reading_and_writing() -> None:
    written = (
        '{"is_right":false,"signed_url":"http://app.test/","explanation":"Words.",'
        '"matching_url":"https://app.test/","difference":"the scheme"}'
    )

    message = message_of((1, 0, "POST", "http://app.test/", "[]", "[]", "", written)).message

    verdict = SignatureVerdict(
        is_valid=False,
        signed_url="http://app.test/",
        explanation="Words.",
        matching_url="https://app.test/",
        difference="the scheme",
    )
    assert message.signature == verdict
    assert verdict_text(verdict) == written


def columns_in(url: str) -> dict[str, set[str]]:
    """Return the columns of each table that snapshots of 0.1.0 have."""
    engine = create_engine(url, poolclass=NullPool)
    columns = {name: {column["name"] for column in inspect(engine).get_columns(name)} for name in SNAPSHOT["tables"]}
    engine.dispose()
    return columns


def test_tables_and_columns_added_since_0_1_0_name_their_revision(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'file.db'}"
    write_database(url)
    tables = {str(table.name): {str(column.name) for column in table.c} for table in SNAPSHOT_TABLES}
    written = columns_in(url)

    new_tables = tables.keys() - SNAPSHOT["tables"].keys()
    assert new_tables == tables.keys() - ADDED_COLUMNS[VERSION].keys(), (
        "the definition of each table in storage/tables.py that snapshots of 0.1.0 lack needs "
        "info=registered(..., added_in=REVISION): " + ", ".join(sorted(new_tables))
    )
    added = {name: set(columns) for name, columns in ADDED_COLUMNS[VERSION].items() if columns}
    new_columns = {name: tables[name] - columns for name, columns in written.items() if tables[name] != columns}
    assert new_columns == added, (
        f"each column in storage/tables.py that snapshots of 0.1.0 lack needs info=added_in(REVISION): {new_columns}"
    )

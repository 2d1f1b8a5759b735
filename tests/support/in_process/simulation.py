"""A simulation of calls with a migrated database and a fake clock."""

import sqlite3
from dataclasses import dataclass, replace
from typing import Any

import psycopg
from sqlalchemy import text

from ringback.domain.account_clock import AccountTime
from ringback.domain.caller_ids import OutgoingCallerId
from ringback.domain.calls import ValidationAnswer, ValidationCall, ValidationRequest
from ringback.domain.paging import PageRequest
from ringback.domain.phones import PhoneBehavior
from ringback.domain.policies import CallPolicy
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import Timestamp, seconds_between
from ringback.operations.accounts import ensure_account
from ringback.operations.caller_ids import list_outgoing_caller_ids
from ringback.operations.calls import advance_due_calls, next_call_due
from ringback.operations.id_generator import IdGenerator
from ringback.operations.validation_requests import create_validation_request
from ringback.storage.database import Database
from ringback.storage.sqlite_database import SqliteDatabase
from ringback.storage.unit_of_work import UnitOfWork
from support.clocks import FakeClock
from support.databases.templates import Template
from support.domain_values import ACCOUNT_SID, AUTH_TOKEN, NUMBER, POLICY, a_phone


@dataclass
class Simulation:
    """A database, a clock and a policy, with methods that create calls and advance them."""

    database: Database
    clock: FakeClock
    id_generator: IdGenerator
    policy: CallPolicy = POLICY

    @property
    def unit_of_work(self) -> UnitOfWork:
        return self.database.unit_of_work

    def set_default_phone(self, behavior: PhoneBehavior, **changes: Any) -> None:
        """Set the behavior of phones without a rule."""
        self.policy = replace(self.policy, default_phone=a_phone(behavior, **changes))

    def validate(
        self, number: str = NUMBER, account_sid: AccountSid = ACCOUNT_SID, **parameters: Any
    ) -> ValidationAnswer:
        """Create a validation request."""
        return create_validation_request(
            self.unit_of_work,
            account_sid,
            lambda _: ValidationRequest(number, **parameters),
            system_now=self.clock.now(),
            policy=self.policy,
            id_generator=self.id_generator,
        )

    def time(self, account_sid: AccountSid = ACCOUNT_SID) -> AccountTime:
        """Return the current time by an account's clock."""
        account = self.unit_of_work.accounts.find(account_sid)
        assert account is not None
        return account.clock.at(self.clock.now())

    def step(self) -> list[ValidationCall]:
        """Advance the calls that are due, and return them."""
        return advance_due_calls(
            self.unit_of_work, system_now=self.clock.now(), policy=self.policy, id_generator=self.id_generator
        )

    def run(self) -> None:
        """Advance the clock and the calls until no call is pending."""
        while (due := next_call_due(self.unit_of_work)) is not None:
            self.clock.advance(max(0.0, seconds_between(self.clock.now(), due)))
            self.step()

    def call(self, sid: str) -> ValidationCall:
        call = self.unit_of_work.calls.find(sid)
        assert call is not None
        return call

    def caller_ids(self, account_sid: AccountSid = ACCOUNT_SID) -> list[OutgoingCallerId]:
        """Return the account's caller IDs, newest first."""
        return list(list_outgoing_caller_ids(self.unit_of_work, account_sid, PageRequest(page_size=1000)).rows)

    def timeline(self, sid: str) -> list[tuple[float, str]]:
        """Return the events of a call's timeline, each with the seconds since the call was created."""
        call = self.call(sid)
        return [(seconds_between(call.date_created, entry.at), entry.event) for entry in call.timeline]


def driver_connection(database: Database) -> sqlite3.Connection:
    """Return the underlying SQLite connection."""
    assert isinstance(database, SqliteDatabase)
    connection = database.connection
    assert isinstance(connection, sqlite3.Connection)
    return connection


def query(database: Database, sql: str) -> list[tuple[Any, ...]]:
    """Run an SQL query, and return its rows."""
    if isinstance(database, SqliteDatabase):
        return driver_connection(database).execute(sql).fetchall()
    with database.engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(sql)]


def execute(database: Database, sql: str, **parameters: Any) -> None:
    """Execute an SQL statement, and commit it."""
    with database.engine.begin() as connection:
        connection.execute(text(sql), parameters)


def database_error(database: Database, code: int = sqlite3.SQLITE_IOERR) -> Exception:
    """Return the exception that the driver raises for an unavailable database, by default with a permanent failure."""
    if database.is_shared:
        return psycopg.OperationalError("server closed the connection unexpectedly")
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = code
    return error


def a_simulation(template: Template, now: Timestamp | None = None) -> Simulation:
    """Return a simulation with a new database and the default account."""
    clock = FakeClock() if now is None else FakeClock(now)
    database = template.copy()
    ensure_account(database.unit_of_work, ACCOUNT_SID, AUTH_TOKEN, clock.now())
    return Simulation(database, clock, IdGenerator(seed=1))

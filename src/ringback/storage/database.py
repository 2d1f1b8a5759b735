"""The database: what the rest of ringback knows of it, whichever it is, and where operations run on it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Engine, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from ringback.monitoring.metrics import Metrics
from ringback.storage.change_notifier import ChangeNotifier
from ringback.storage.outage_log import OutageLog
from ringback.storage.probe import probe
from ringback.storage.request_journal import RequestJournal
from ringback.storage.stepwise import Steps
from ringback.storage.unit_of_work import UnitOfWork
from ringback.supervision import BackgroundTask

P = ParamSpec("P")
T = TypeVar("T")


_REASONS = {"SQLITE_IOERR_SHMSIZE": "database or disk is full"}
"""Reasons that the driver does not name."""


class DatabaseUnavailable(Exception):
    """The database cannot be used just now, or is not ours; the message is for the user."""


class DatabaseDamaged(DatabaseUnavailable):
    """The stored data are damaged: retrying cannot help."""


@dataclass(slots=True)
class Outage:
    """Why a database could not be used, until it is known that it can be again.

    A permanent outage ends with the process: the stored data are damaged.
    """

    reason: str | None = None
    is_permanent: bool = False

    def report(self, error: DatabaseUnavailable) -> None:
        if not self.is_permanent:
            self.reason, self.is_permanent = str(error), isinstance(error, DatabaseDamaged)

    def end(self) -> None:
        if not self.is_permanent:
            self.reason = None


class Database(ABC):
    """An open database, with what its process knows beside it."""

    is_shared: bool
    """Whether other processes may be at work with it."""
    missing_table_errors: type[Exception] | tuple[type[Exception], ...]
    """The driver's exception for a table or column that does not exist."""

    def __init__(self, url: URL, engine: Engine) -> None:
        self.url = url
        self.engine = engine
        self.change_notifier = ChangeNotifier()
        self.journal = RequestJournal()
        self.metrics = Metrics()
        self.outage = Outage()
        self.outage_log = OutageLog()

    @property
    @abstractmethod
    def unit_of_work(self) -> UnitOfWork:
        """What to work with where nothing else waits: at the start."""

    @abstractmethod
    async def run(self, operation: Callable[Concatenate[UnitOfWork, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a plain function on a unit of work; it alone decides what is one transaction.

        Raises DatabaseUnavailable. The function may have been run before then, and its transactions been undone.
        """

    @abstractmethod
    async def run_in_steps(
        self, operation: Callable[Concatenate[UnitOfWork, P], Steps[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a long operation on a unit of work, piece by piece, while the event loop goes on.

        Its transaction may stay open while it pauses: no other operation sees it half done. Raises
        DatabaseUnavailable, as `run` does.
        """

    def run_sync(self, operation: Callable[Concatenate[UnitOfWork, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a plain function where nothing else waits: at the start."""
        return operation(self.unit_of_work, *args, **kwargs)

    async def checkpoint(self) -> None:
        """Do the database's own housekeeping, beside the requests. Raises DatabaseUnavailable."""
        if self.outage.reason is not None:
            await self.check_recovery()

    def check_files(self) -> None:  # noqa: B027 - a database that opens no files has none to check
        """Raise DatabaseUnavailable if files that this process has open are no longer at their paths."""

    async def check_recovery(self) -> None:
        """End the outage if the database can be read and written again, else raise DatabaseUnavailable."""
        if self.outage.is_permanent:
            raise DatabaseDamaged(str(self.outage.reason))
        await self.run(probe)
        self.outage.end()

    @abstractmethod
    def background_tasks(self, on_change: Callable[[], None]) -> list[BackgroundTask]:
        """Return the tasks that tell `notifications` what other processes commit; `on_change` is called each time."""

    @abstractmethod
    def close(self) -> None:
        """Let go of it."""


@contextmanager
def reported_as_unavailable(database_url: str) -> Iterator[None]:
    """Turn the driver's errors into DatabaseUnavailable, a message of one line that names no password."""
    try:
        yield
    except SQLAlchemyError as error:
        raise unavailable(make_url(database_url), error.orig if isinstance(error, DBAPIError) else error) from error
    except Exception as error:
        if not _is_a_drivers(error):
            raise
        raise unavailable(make_url(database_url), error) from error


def _parse_url(text: str, setting: str) -> URL:
    try:
        return make_url(text)
    except (ArgumentError, ValueError) as error:  # the message could show the password
        raise DatabaseUnavailable(
            f"{setting} cannot be read: its host or port is not valid. It must be postgresql+psycopg://user:password@host"
            ":port/database, with special characters percent-encoded (@ is %40, / is %2F, : is %3A)"
        ) from error


def unavailable(url: URL, error: BaseException | None) -> DatabaseUnavailable:
    """Say in one line, for the user, that a database cannot be used."""
    reason = _REASONS.get(getattr(error, "sqlite_errorname", ""), str(error)).partition("\n")[0].strip()
    return DatabaseUnavailable(f"cannot use the database {shown(url)}: {reason}")


def shown(url: URL) -> str:
    """Return a database's URL without what may be secret: its password, and its query, which may hold another."""
    return url.set(query={}).render_as_string()


def _is_a_drivers(error: Exception) -> bool:
    """Tell an error of the driver's, which need not have been imported, from one of ours."""
    return any(kind.__module__.partition(".")[0] in ("sqlite3", "psycopg") for kind in type(error).__mro__)


@contextmanager
def _path_errors_reported(url: URL) -> Iterator[None]:
    """Report a path or host name that the system does not accept as DatabaseUnavailable."""
    try:
        yield
    except (OSError, RuntimeError, UnicodeError) as error:
        raise unavailable(url, error) from error


def open_database(database_url: str, listen_url: str | None = None) -> Database:
    """Open the database of a URL; an embedded one is created where it does not exist.

    `listen_url` leads to the same PostgreSQL past a connection pooler. Raises DatabaseUnavailable with one line.
    """
    url = _parse_url(database_url, "database_url")
    with reported_as_unavailable(database_url), _path_errors_reported(url):
        if url.get_backend_name() == "postgresql":
            from ringback.storage.postgresql_database import PostgresqlDatabase

            return PostgresqlDatabase(url, _parse_url(listen_url, "database_listen_url") if listen_url else None)
        from ringback.storage.sqlite_connection import located
        from ringback.storage.sqlite_database import SqliteDatabase

        return SqliteDatabase(located(url))

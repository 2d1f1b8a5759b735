"""The common interface of SQLite and PostgreSQL databases, on which operations run."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Engine
from sqlalchemy.engine import URL

from ringback.monitoring.metrics import Metrics
from ringback.storage.change_notifier import ChangeNotifier
from ringback.storage.errors import DatabaseDamaged
from ringback.storage.outages import Outage, OutageLog
from ringback.storage.probe import probe
from ringback.storage.request_journal import RequestJournal
from ringback.storage.stepwise import Steps
from ringback.storage.unit_of_work import UnitOfWork
from ringback.supervision import BackgroundTask

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ProcessState:
    """State that a process keeps in memory, outside the database: metrics, unwritten requests, and subscribers."""

    metrics: Metrics = field(default_factory=Metrics)
    journal: RequestJournal = field(default_factory=RequestJournal)
    change_notifier: ChangeNotifier = field(default_factory=ChangeNotifier)


class Database(ABC):
    """An open database. Its units of work report commits to the `process_state`."""

    is_shared: bool
    """Whether other processes may use the database at the same time."""
    missing_table_errors: type[Exception] | tuple[type[Exception], ...]
    """The driver's exceptions for a table or column that does not exist."""

    def __init__(self, url: URL, engine: Engine, process_state: ProcessState) -> None:
        self.url = url
        self.engine = engine
        self.process_state = process_state
        self.outage = Outage()
        self.outage_log = OutageLog()

    @property
    @abstractmethod
    def unit_of_work(self) -> UnitOfWork:
        """A unit of work for startup, when nothing else runs."""

    @abstractmethod
    async def run(self, operation: Callable[Concatenate[UnitOfWork, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a plain function on a unit of work. The function sets the transaction boundaries.

        Raises DatabaseUnavailable. The function may run again after its transaction was rolled back.
        """

    @abstractmethod
    async def run_in_steps(
        self, operation: Callable[Concatenate[UnitOfWork, P], Steps[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a long operation on a unit of work in steps. The event loop serves requests between the steps.

        Its transaction may stay open between steps; other operations do not see its changes. Raises
        DatabaseUnavailable, as `run` does.
        """

    def run_sync(self, operation: Callable[Concatenate[UnitOfWork, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a plain function at startup, when nothing else runs."""
        return operation(self.unit_of_work, *args, **kwargs)

    async def checkpoint(self) -> None:
        """Check the database, and checkpoint its write-ahead log if it has one. Raises DatabaseUnavailable."""
        if self.outage.reason is not None:
            await self.check_recovery()

    def check_files(self) -> None:  # noqa: B027 - a database without files has nothing to check
        """Raise DatabaseUnavailable if a file that this process has open is no longer at its path."""

    async def check_recovery(self) -> None:
        """End the outage if the database can be read and written again. Otherwise, raise DatabaseUnavailable."""
        if self.outage.is_permanent:
            raise DatabaseDamaged(str(self.outage.reason))
        await self.run(probe)
        self.outage.end()

    @abstractmethod
    def background_tasks(self, on_change: Callable[[], None]) -> list[BackgroundTask]:
        """Return the tasks that notify subscribers when another process commits.

        They call `on_change` after each notification.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the connections."""

"""A log of a supervisor's reports."""

from dataclasses import dataclass, field


@dataclass
class TaskLog:
    """A log of a supervisor's reports: the names of started tasks, and each failure with its restart delay."""

    starts: list[str] = field(default_factory=list)
    failures: list[tuple[str, type[BaseException], float | None]] = field(default_factory=list)

    def started(self, name: str) -> None:
        self.starts.append(name)

    def failed(self, name: str, failure: BaseException, restart_seconds: float | None) -> None:
        self.failures.append((name, type(failure), restart_seconds))

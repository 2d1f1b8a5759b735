"""Two applications that share one database."""

from typing import NamedTuple

from support.in_process.control import Controlled, ControlledAccount


class Replicas(NamedTuple):
    """Two applications with one database and one system clock."""

    one: Controlled
    other: Controlled

    def at_other_replica(self, account: ControlledAccount) -> ControlledAccount:
        """Return the same account as seen by the other application."""
        return ControlledAccount(self.other.http, account.sid, account.auth_token)

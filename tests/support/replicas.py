"""Two applications that work with one database."""

from typing import NamedTuple

from support.control import Controlled, ControlledAccount


class Replicas(NamedTuple):
    """Two applications that share all there is, and the machine's clock."""

    one: Controlled
    other: Controlled

    def elsewhere(self, account: ControlledAccount) -> ControlledAccount:
        """Return an account of the one as the other has it."""
        return ControlledAccount(self.other.http, account.sid, account.auth_token)

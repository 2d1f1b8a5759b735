"""Failures on purpose."""

from collections.abc import Mapping
from typing import Any

from ringback.testing.control import Control
from ringback.testing.records import Fault
from ringback.testing.resource_requests import FaultRequests


class Faults:
    """The faults of one account; no other account's requests fail."""

    def __init__(self, control: Control, account_sid: str) -> None:
        self._control = control
        self._requests = FaultRequests(account_sid)

    def add(
        self,
        operation: str,
        effect: Mapping[str, Any],
        *,
        times: int | None = None,
        probability: float | None = None,
    ) -> Fault:
        """Let an operation fail, for a number of `times` or with a `probability`; every time where neither is given.

        `operation` is one such as ``create-validation-request``, or ``status-callback``, or ``*``; `effect` is
        ``{"status": 429}``, ``{"delay_seconds": 2}``, ``{"drop": "after"}`` or another that docs/testing.md lists.
        """
        return self._control.send(self._requests.add(operation, effect, times=times, probability=probability))

    def list(self) -> list[Fault]:
        """Return the faults that may still be injected."""
        return self._control.send(self._requests.list())

    def delete(self, fault_id: int) -> None:
        """Delete one fault. Raises ControlError (404) where it is used up, or was deleted."""
        self._control.send(self._requests.delete(fault_id))

    def clear(self) -> None:
        """Delete all faults."""
        self._control.send(self._requests.clear())

"""Failures on purpose."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from ringback.testing.control import Control
from ringback.testing.records import Fault


class Faults:
    """The faults of one account; no other account's requests fail."""

    def __init__(self, control: Control, account_sid: str) -> None:
        self._control = control
        self._path = f"/accounts/{quote(account_sid, safe='')}/faults"

    def add(
        self,
        operation: str,
        effect: Mapping[str, Any],
        *,
        times: int | None = None,
        probability: float | None = None,
    ) -> Fault:
        """Let an operation fail, so many `times` or with a `probability`; every time where neither is given.

        `operation` is one such as ``create-validation-request``, or ``status-callback``, or ``*``; `effect` is
        ``{"status": 429}``, ``{"delay_seconds": 2}``, ``{"drop": "after"}`` or another that docs/testing.md lists.
        """
        wanted = {"operation": operation, "effect": dict(effect), "times": times, "probability": probability}
        given = {name: value for name, value in wanted.items() if value is not None}
        return Fault.model_validate(self._control.ask("POST", self._path, given))

    def list(self) -> list[Fault]:
        """Return the faults that may still strike."""
        return [Fault.model_validate(shown) for shown in self._control.ask("GET", self._path)["faults"]]

    def delete(self, fault_id: int) -> None:
        """Take one fault away. Raises ControlError (404) where it is used up, or was deleted."""
        self._control.ask("DELETE", f"{self._path}/{fault_id}")

    def clear(self) -> None:
        """Let nothing fail any more."""
        self._control.ask("DELETE", self._path)

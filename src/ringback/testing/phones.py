"""The simulated phones of an account."""

from collections.abc import Mapping
from typing import Any, Literal, Self
from urllib.parse import quote

from ringback.testing.control import Control
from ringback.testing.records import PhoneAtNumber

Behavior = Literal[
    "enter-code",
    "enter-wrong-code",
    "mistype-once",
    "enter-nothing",
    "hang-up",
    "busy",
    "no-answer",
    "unreachable",
    "manual",
]
DEFAULT = "default"


class Phone:
    """The phone at one number, or as `default` all those of the account without a rule of their own."""

    def __init__(self, control: Control, account_sid: str, number: str) -> None:
        self.number = number
        self._control = control
        self._path = f"/accounts/{quote(account_sid, safe='')}/phones/{quote(number, safe='')}"

    def will(self, *entries: Behavior | Mapping[str, Any]) -> Self:
        """Let the next calls meet these behaviours, one each; afterwards the phone is again as it ever was.

        An entry may be an object instead, such as ``{"behavior": "enter-code", "key_seconds": 5}``.
        """
        self._control.ask("POST", f"{self._path}/script", list(entries))
        return self

    def always(
        self,
        behavior: Behavior,
        *,
        ring_seconds: float | None = None,
        key_seconds: float | None = None,
        extension: str | None = None,
    ) -> Self:
        """Let every call meet this behaviour; what is not given is as the server's settings have it."""
        wanted: dict[str, Any] = {
            "behavior": behavior,
            "ring_seconds": ring_seconds,
            "key_seconds": key_seconds,
            "extension": extension,
        }
        given = {name: value for name, value in wanted.items() if value is not None}
        self._control.ask("PUT", self._path, given)
        return self

    def look(self) -> PhoneAtNumber:
        """Return what the next call meets, and what makes it so."""
        return PhoneAtNumber.model_validate(self._control.ask("GET", self._path))

    def forget(self) -> None:
        """Take the phone's rule away; its script stays. Raises ControlError (404) where there is no rule."""
        self._control.ask("DELETE", self._path)

    def forget_script(self) -> None:
        """Let the next calls meet what the rule says."""
        self._control.ask("DELETE", f"{self._path}/script")

"""The simulated phones of an account."""

from collections.abc import Mapping
from typing import Any, Self

from ringback.testing.control import Control
from ringback.testing.records import Behavior, PhoneAtNumber
from ringback.testing.resource_requests import PhoneRequests

DEFAULT = "default"


class Phone:
    """The phone at one number, or as `default` all those of the account that have no rule."""

    def __init__(self, control: Control, account_sid: str, number: str) -> None:
        self.number = number
        self._control = control
        self._requests = PhoneRequests(account_sid, number)

    def will(self, *entries: Behavior | Mapping[str, Any]) -> Self:
        """Queue behaviors for the next calls, one each; later calls meet the phone's rule again.

        An entry may be an object instead, such as ``{"behavior": "enter-code", "key_seconds": 5}``.
        """
        self._control.send(self._requests.will(*entries))
        return self

    def always(
        self,
        behavior: Behavior,
        *,
        ring_seconds: float | None = None,
        key_seconds: float | None = None,
        extension: str | None = None,
    ) -> Self:
        """Set the phone's rule, for every call; the server's settings decide what is not given."""
        request = self._requests.always(
            behavior, ring_seconds=ring_seconds, key_seconds=key_seconds, extension=extension
        )
        self._control.send(request)
        return self

    def look(self) -> PhoneAtNumber:
        """Return the phone that the next call meets, and the reason for its behavior."""
        return self._control.send(self._requests.look())

    def forget(self) -> None:
        """Delete the phone's rule; its script stays. Raises ControlError (404) without a rule."""
        self._control.send(self._requests.forget())

    def forget_script(self) -> None:
        """Delete the phone's script: the next calls meet its rule."""
        self._control.send(self._requests.forget_script())

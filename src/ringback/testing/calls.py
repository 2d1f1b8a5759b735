"""Validation calls, and the actions of the callee."""

from typing import Any, Self

from pydantic import PrivateAttr

from ringback.testing.control import Control
from ringback.testing.models import CallData
from ringback.testing.requests import CallRequests, Request


class Call(CallData):
    """A snapshot of a validation call. Each action returns a new snapshot."""

    _control: Control = PrivateAttr()

    @classmethod
    def of(cls, control: Control, document: Any) -> Self:
        """Create a call from a document of the control API."""
        return cls.model_validate(document, context=control)

    def model_post_init(self, context: Any) -> None:
        """Store the client for later requests."""
        self._control = context

    def refresh(self) -> Self:
        """Return the current state of the call."""
        return self._act(self._requests.refresh())

    def answer(self) -> Self:
        """Answer the call. Raises ControlError (409) unless the phone is ringing."""
        return self._act(self._requests.answer())

    def key(self, digits: str) -> Self:
        """Press keys. Six digits make a code; ``w`` is a pause of half a second on the account's clock.

        Raises ControlError (409) unless the call is at the prompt.
        """
        return self._act(self._requests.key(digits))

    def hang_up(self) -> Self:
        """Hang up. Raises ControlError (409) unless the call was answered."""
        return self._act(self._requests.hang_up())

    def reject(self) -> Self:
        """Reject the call: its status becomes busy. Raises ControlError (409) unless the phone is ringing."""
        return self._act(self._requests.reject())

    @property
    def _requests(self) -> CallRequests:
        return CallRequests(self.account_sid, self.sid)

    def _act(self, request: Request[Any]) -> Self:
        return self.of(self._control, self._control.send(request))

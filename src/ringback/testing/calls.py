"""Validation calls, and acting as the callee."""

from typing import Any, Self

from pydantic import PrivateAttr

from ringback.testing.control import Control
from ringback.testing.records import CallReading
from ringback.testing.requests import CallRequests, Request


class Call(CallReading):
    """A call as it was when it was read; each action returns the call as it is after it."""

    _control: Control = PrivateAttr()

    @classmethod
    def of(cls, control: Control, document: Any) -> Self:
        """Return the call that a document of the control API shows."""
        return cls.model_validate(document, context=control)

    def model_post_init(self, context: Any) -> None:
        """Keep the client that later requests are sent with."""
        self._control = context

    def look_again(self) -> Self:
        """Return the call as it is now."""
        return self._act(self._requests.look_again())

    def answer(self) -> Self:
        """Pick the phone up. Raises ControlError (409) unless it rings."""
        return self._act(self._requests.answer())

    def key(self, digits: str) -> Self:
        """Key digits in; six are a code. Raises ControlError (409) unless the call is at the prompt."""
        return self._act(self._requests.key(digits))

    def hang_up(self) -> Self:
        """End the call. Raises ControlError (409) unless it was answered."""
        return self._act(self._requests.hang_up())

    def reject(self) -> Self:
        """Refuse the call: it ends as busy. Raises ControlError (409) unless it rings."""
        return self._act(self._requests.reject())

    @property
    def _requests(self) -> CallRequests:
        return CallRequests(self.account_sid, self.sid)

    def _act(self, request: Request[Any]) -> Self:
        return self.of(self._control, self._control.send(request))

"""Validation calls, and the actions of the callee, for async tests."""

from typing import Any, Self

from pydantic import PrivateAttr

from ringback.testing.control import AsyncControl
from ringback.testing.models import CallData
from ringback.testing.requests import CallRequests, Request


class Call(CallData):
    """A snapshot of a validation call. Each action returns a new snapshot."""

    _control: AsyncControl = PrivateAttr()

    @classmethod
    def of(cls, control: AsyncControl, document: Any) -> Self:
        """Create a call from a document of the control API."""
        return cls.model_validate(document, context=control)

    def model_post_init(self, context: Any) -> None:
        """Store the client for later requests."""
        self._control = context

    async def refresh(self) -> Self:
        """Return the current state of the call."""
        return await self._act(self._requests.refresh())

    async def answer(self) -> Self:
        """Answer the call. Raises ControlError (409) unless the phone is ringing."""
        return await self._act(self._requests.answer())

    async def key(self, digits: str) -> Self:
        """Press keys. Six digits make a code; ``w`` is a pause of half a second on the account's clock.

        Raises ControlError (409) unless the call is at the prompt.
        """
        return await self._act(self._requests.key(digits))

    async def hang_up(self) -> Self:
        """Hang up. Raises ControlError (409) unless the call was answered."""
        return await self._act(self._requests.hang_up())

    async def reject(self) -> Self:
        """Reject the call: its status becomes busy. Raises ControlError (409) unless the phone is ringing."""
        return await self._act(self._requests.reject())

    @property
    def _requests(self) -> CallRequests:
        return CallRequests(self.account_sid, self.sid)

    async def _act(self, request: Request[Any]) -> Self:
        return self.of(self._control, await self._control.send(request))

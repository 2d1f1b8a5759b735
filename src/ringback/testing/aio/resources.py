"""The clock, faults, inboxes, phones and policy of an account, in an event loop."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Self

from ringback.testing.control import AsyncControl
from ringback.testing.records import Behavior, ClockReading, Fault, InboxMessage, PhoneAtNumber, PolicyReading
from ringback.testing.requests import PATH
from ringback.testing.resource_requests import (
    ClockRequests,
    FaultRequests,
    InboxRequests,
    PhoneRequests,
    PolicyRequests,
)


class Clock:
    """The clock of one account; no other account's is touched."""

    def __init__(self, control: AsyncControl, account_sid: str) -> None:
        self._control = control
        self._requests = ClockRequests(account_sid)

    async def now(self) -> datetime:
        """Return the account's time, in UTC."""
        return (await self.read()).now

    async def read(self) -> ClockReading:
        """Return the time that the clock shows, and whether it runs."""
        return await self._control.send(self._requests.read())

    async def freeze(self, now: datetime | None = None) -> datetime:
        """Stop the clock, at `now` (with its time zone) or at its present time, and return the time that it shows."""
        return await self._control.send(self._requests.freeze(now))

    async def run(self, now: datetime | None = None) -> datetime:
        """Let time pass by itself, from `now` (with its time zone) or from the present time."""
        return await self._control.send(self._requests.run(now))

    async def advance(self, seconds: float | timedelta) -> datetime:
        """Let so much time pass, frozen or not, and return the time that the clock then shows.

        All that falls due on the way happens in order, and has happened when this returns: calls are moved, callbacks
        delivered or given up.
        """
        return await self._control.send(self._requests.advance(seconds))


class Faults:
    """The faults of one account; no other account's requests fail."""

    def __init__(self, control: AsyncControl, account_sid: str) -> None:
        self._control = control
        self._requests = FaultRequests(account_sid)

    async def add(
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
        return await self._control.send(self._requests.add(operation, effect, times=times, probability=probability))

    async def list(self) -> list[Fault]:
        """Return the faults that may still be injected."""
        return await self._control.send(self._requests.list())

    async def delete(self, fault_id: int) -> None:
        """Delete one fault. Raises ControlError (404) where it is used up, or was deleted."""
        await self._control.send(self._requests.delete(fault_id))

    async def clear(self) -> None:
        """Delete all faults."""
        await self._control.send(self._requests.clear())


class Inbox:
    """An inbox of one account: give its `url` as StatusCallback, and read the messages that arrive."""

    def __init__(self, control: AsyncControl, base_url: str, account_sid: str, name: str) -> None:
        self._control = control
        self._requests = InboxRequests(account_sid, name)
        self.name = name
        self.url = f"{base_url}{PATH}{self._requests.path}"

    async def messages(self) -> list[InboxMessage]:
        """Return the messages, the oldest first, each with the verdict on its signature."""
        return await self._control.send(self._requests.messages())

    async def empty(self) -> None:
        """Delete the messages."""
        await self._control.send(self._requests.empty())


class Phone:
    """The phone at one number, or as `default` all those of the account that have no rule."""

    def __init__(self, control: AsyncControl, account_sid: str, number: str) -> None:
        self.number = number
        self._control = control
        self._requests = PhoneRequests(account_sid, number)

    async def will(self, *entries: Behavior | Mapping[str, Any]) -> Self:
        """Queue behaviors for the next calls, one each; later calls meet the phone's rule again.

        An entry may be an object instead, such as ``{"behavior": "enter-code", "key_seconds": 5}``.
        """
        await self._control.send(self._requests.will(*entries))
        return self

    async def always(
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
        await self._control.send(request)
        return self

    async def look(self) -> PhoneAtNumber:
        """Return the phone that the next call meets, and the reason for its behavior."""
        return await self._control.send(self._requests.look())

    async def forget(self) -> None:
        """Delete the phone's rule; its script stays. Raises ControlError (404) without a rule."""
        await self._control.send(self._requests.forget())

    async def forget_script(self) -> None:
        """Delete the phone's script: the next calls meet its rule."""
        await self._control.send(self._requests.forget_script())


class Policy:
    """The policy of one account; no other account's is touched."""

    def __init__(self, control: AsyncControl, account_sid: str) -> None:
        self._control = control
        self._requests = PolicyRequests(account_sid)

    async def read(self) -> PolicyReading:
        """Return the account's present policy."""
        return await self._control.send(self._requests.read())

    async def set(
        self,
        *,
        account_type: str | None = None,
        calls_per_number_and_week: int | None = None,
        code_lifetime_seconds: float | None = None,
        code_attempts: int | None = None,
    ) -> PolicyReading:
        """Set the policy from the next request on, and return it; the server's settings decide what is not given.

        `account_type` is ``trial`` or ``full``.
        """
        request = self._requests.set(
            account_type=account_type,
            calls_per_number_and_week=calls_per_number_and_week,
            code_lifetime_seconds=code_lifetime_seconds,
            code_attempts=code_attempts,
        )
        return await self._control.send(request)

    async def clear(self) -> None:
        """Leave all limits to the server's settings."""
        await self._control.send(self._requests.clear())

"""The clock, phones, inboxes, faults and policy of an account, for async tests."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Self

from ringback.testing.control import AsyncControl
from ringback.testing.models import (
    Behavior,
    ClockState,
    EffectivePolicy,
    Fault,
    InboxMessage,
    IncomingPhoneNumber,
    PhoneState,
)
from ringback.testing.requests import PATH
from ringback.testing.resource_requests import (
    ClockRequests,
    FaultRequests,
    InboxRequests,
    IncomingPhoneNumberRequests,
    PhoneRequests,
    PolicyRequests,
)


class Clock:
    """The clock of an account."""

    def __init__(self, control: AsyncControl, account_sid: str) -> None:
        self._control = control
        self._requests = ClockRequests(account_sid)

    async def now(self) -> datetime:
        """Return the account's time, in UTC."""
        return (await self.read()).now

    async def read(self) -> ClockState:
        """Return the state of the clock: its mode, its time, and when the next event falls due."""
        return await self._control.send(self._requests.read())

    async def freeze(self, now: datetime | None = None) -> datetime:
        """Freeze the clock at `now`, or at its current time, and return its time. `now` must have a time zone."""
        return await self._control.send(self._requests.freeze(now))

    async def run(self, now: datetime | None = None) -> datetime:
        """Let the clock run from `now`, or from its current time, and return its time. `now` must have a time zone."""
        return await self._control.send(self._requests.run(now))

    async def advance(self, seconds: float | timedelta) -> datetime:
        """Advance the clock, running or frozen, and return its new time.

        Everything that falls due happens in order. When this returns, calls have moved, and their callbacks are
        delivered or have failed.
        """
        return await self._control.send(self._requests.advance(seconds))


class Faults:
    """The injected faults of an account."""

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
        """Inject a fault that is triggered at most `times` times, or with a `probability`. Default: always.

        `operation` is an operation such as ``create-validation-request``, ``*`` for all, or ``status-callback``.
        `effect` is, for example, ``{"status": 429}``, ``{"delay_seconds": 2}`` or ``{"drop": "after"}``;
        docs/testing.md lists all effects.
        """
        return await self._control.send(self._requests.add(operation, effect, times=times, probability=probability))

    async def list(self) -> list[Fault]:
        """Return the faults that can still be triggered."""
        return await self._control.send(self._requests.list())

    async def delete(self, fault_id: int) -> None:
        """Delete a fault. Raises ControlError (404) if it is used up or deleted."""
        await self._control.send(self._requests.delete(fault_id))

    async def clear(self) -> None:
        """Delete all faults."""
        await self._control.send(self._requests.clear())


class Inbox:
    """An inbox of an account. Pass its `url` as StatusCallback, then read its messages."""

    def __init__(self, control: AsyncControl, base_url: str, account_sid: str, name: str) -> None:
        self._control = control
        self._requests = InboxRequests(account_sid, name)
        self.name = name
        self.url = f"{base_url}{PATH}{self._requests.path}"

    async def messages(self) -> list[InboxMessage]:
        """Return the messages, oldest first, each with the verdict on its signature."""
        return await self._control.send(self._requests.messages())

    async def clear(self) -> None:
        """Delete all messages."""
        await self._control.send(self._requests.clear())


class Phone:
    """The simulated phone at a number, or, for `default`, all phones of the account without a rule."""

    def __init__(self, control: AsyncControl, account_sid: str, number: str) -> None:
        self.number = number
        self._control = control
        self._requests = PhoneRequests(account_sid, number)

    async def will(self, *entries: Behavior | Mapping[str, Any]) -> Self:
        """Queue behaviors for the next calls, one for each. When none remains, the phone's rule applies again.

        An entry can be a mapping such as ``{"behavior": "enter-code", "key_seconds": 5}``.
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
        """Set the phone's rule, its behavior for every call. Omitted values default to the server's settings."""
        request = self._requests.always(
            behavior, ring_seconds=ring_seconds, key_seconds=key_seconds, extension=extension
        )
        await self._control.send(request)
        return self

    async def read(self) -> PhoneState:
        """Return the phone that the next call reaches, and what determines its behavior."""
        return await self._control.send(self._requests.read())

    async def clear_rule(self) -> None:
        """Delete the phone's rule. Its script remains. Raises ControlError (404) if the phone does not have a rule."""
        await self._control.send(self._requests.clear_rule())

    async def clear_script(self) -> None:
        """Delete the phone's script: its rule applies to the next call."""
        await self._control.send(self._requests.clear_script())


class IncomingPhoneNumbers:
    """The numbers that an account owns at Twilio. The API lists them, but rejects requests to verify them (21449)."""

    def __init__(self, control: AsyncControl, account_sid: str) -> None:
        self._control = control
        self._requests = IncomingPhoneNumberRequests(account_sid)

    async def add(
        self, number: str, friendly_name: str | None = None, date_created: datetime | None = None
    ) -> IncomingPhoneNumber:
        """Add a number to the account. Raises ControlError (409) if the account already owns it."""
        return await self._control.send(self._requests.add(number, friendly_name, date_created))

    async def list(self) -> list[IncomingPhoneNumber]:
        """Return the newest 1,000 numbers, newest first."""
        return await self._control.send(self._requests.list())

    async def delete(self, sid: str) -> None:
        """Delete a number from the account. Raises ControlError (404) if the account does not own it."""
        await self._control.send(self._requests.delete(sid))


class Policy:
    """The policy (limits) of an account."""

    def __init__(self, control: AsyncControl, account_sid: str) -> None:
        self._control = control
        self._requests = PolicyRequests(account_sid)

    async def read(self) -> EffectivePolicy:
        """Return the limits that apply to the account."""
        return await self._control.send(self._requests.read())

    async def set(
        self,
        *,
        account_type: str | None = None,
        calls_per_number_and_week: int | None = None,
        code_lifetime_seconds: float | None = None,
        code_attempts: int | None = None,
        long_friendly_name: str | None = None,
        second_request: str | None = None,
        callback_signed_port: str | None = None,
    ) -> EffectivePolicy:
        """Replace the limits from the next request on, and return them. Omitted limits default to the settings.

        `account_type` is ``trial`` or ``full``, `long_friendly_name` ``reject`` or ``truncate``, `second_request`
        ``supersede``, ``refuse`` or ``both``, `callback_signed_port` ``as-given`` or ``dropped``.
        """
        request = self._requests.set(
            account_type=account_type,
            calls_per_number_and_week=calls_per_number_and_week,
            code_lifetime_seconds=code_lifetime_seconds,
            code_attempts=code_attempts,
            long_friendly_name=long_friendly_name,
            second_request=second_request,
            callback_signed_port=callback_signed_port,
        )
        return await self._control.send(request)

    async def clear(self) -> None:
        """Delete the account's own limits, so that the server's settings apply."""
        await self._control.send(self._requests.clear())

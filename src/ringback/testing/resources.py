"""The clock, phones, inboxes, faults and policy of an account."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Self

from ringback.testing import event_loop_warnings
from ringback.testing.control import Control
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

    def __init__(self, control: Control, account_sid: str) -> None:
        self._control = control
        self._account_sid = account_sid
        self._requests = ClockRequests(account_sid)

    @property
    def now(self) -> datetime:
        """The account's time, in UTC."""
        return self.read().now

    def read(self) -> ClockState:
        """Return the state of the clock: its mode, its time, and when the next event falls due."""
        return self._control.send(self._requests.read())

    def freeze(self, now: datetime | None = None) -> datetime:
        """Freeze the clock at `now`, or at its current time, and return its time. `now` must have a time zone."""
        return self._control.send(self._requests.freeze(now))

    def run(self, now: datetime | None = None) -> datetime:
        """Let the clock run from `now`, or from its current time, and return its time. `now` must have a time zone."""
        return self._control.send(self._requests.run(now))

    def advance(self, seconds: float | timedelta) -> datetime:
        """Advance the clock, running or frozen, and return its new time.

        Everything that falls due happens in order. When this returns, calls have moved, and their callbacks are
        delivered or have failed.
        """
        request = self._requests.advance(seconds)
        if event_loop_warnings.is_running():
            return event_loop_warnings.advance(self._control, self._account_sid, request)
        return self._control.send(request)


DEFAULT = "default"


class Phone:
    """The simulated phone at a number, or, for `default`, all phones of the account without a rule."""

    def __init__(self, control: Control, account_sid: str, number: str) -> None:
        self.number = number
        self._control = control
        self._requests = PhoneRequests(account_sid, number)

    def will(self, *entries: Behavior | Mapping[str, Any]) -> Self:
        """Queue behaviors for the next calls, one for each. When none remains, the phone's rule applies again.

        An entry can be a mapping such as ``{"behavior": "enter-code", "key_seconds": 5}``.
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
        """Set the phone's rule, its behavior for every call. Omitted values default to the server's settings."""
        request = self._requests.always(
            behavior, ring_seconds=ring_seconds, key_seconds=key_seconds, extension=extension
        )
        self._control.send(request)
        return self

    def read(self) -> PhoneState:
        """Return the phone that the next call reaches, and what determines its behavior."""
        return self._control.send(self._requests.read())

    def clear_rule(self) -> None:
        """Delete the phone's rule. Its script remains. Raises ControlError (404) if the phone does not have a rule."""
        self._control.send(self._requests.clear_rule())

    def clear_script(self) -> None:
        """Delete the phone's script: its rule applies to the next call."""
        self._control.send(self._requests.clear_script())


class Inbox:
    """An inbox of an account. Pass its `url` as StatusCallback, then read its messages."""

    def __init__(self, control: Control, base_url: str, account_sid: str, name: str) -> None:
        self._control = control
        self._requests = InboxRequests(account_sid, name)
        self.name = name
        self.url = f"{base_url}{PATH}{self._requests.path}"

    def messages(self) -> list[InboxMessage]:
        """Return the messages, oldest first, each with the verdict on its signature."""
        return self._control.send(self._requests.messages())

    def clear(self) -> None:
        """Delete all messages."""
        self._control.send(self._requests.clear())


class Faults:
    """The injected faults of an account."""

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
        """Inject a fault that is triggered at most `times` times, or with a `probability`. Default: always.

        `operation` is an operation such as ``create-validation-request``, ``*`` for all, or ``status-callback``.
        `effect` is, for example, ``{"status": 429}``, ``{"delay_seconds": 2}`` or ``{"drop": "after"}``;
        docs/testing.md lists all effects.
        """
        return self._control.send(self._requests.add(operation, effect, times=times, probability=probability))

    def list(self) -> list[Fault]:
        """Return the faults that can still be triggered."""
        return self._control.send(self._requests.list())

    def delete(self, fault_id: int) -> None:
        """Delete a fault. Raises ControlError (404) if it is used up or deleted."""
        self._control.send(self._requests.delete(fault_id))

    def clear(self) -> None:
        """Delete all faults."""
        self._control.send(self._requests.clear())


class IncomingPhoneNumbers:
    """The numbers that an account owns at Twilio. The API lists them, but rejects requests to verify them (21449)."""

    def __init__(self, control: Control, account_sid: str) -> None:
        self._control = control
        self._requests = IncomingPhoneNumberRequests(account_sid)

    def add(
        self, number: str, friendly_name: str | None = None, date_created: datetime | None = None
    ) -> IncomingPhoneNumber:
        """Add a number to the account. Raises ControlError (409) if the account already owns it."""
        return self._control.send(self._requests.add(number, friendly_name, date_created))

    def list(self) -> list[IncomingPhoneNumber]:
        """Return the newest 1,000 numbers, newest first."""
        return self._control.send(self._requests.list())

    def delete(self, sid: str) -> None:
        """Delete a number from the account. Raises ControlError (404) if the account does not own it."""
        self._control.send(self._requests.delete(sid))


class Policy:
    """The policy (limits) of an account."""

    def __init__(self, control: Control, account_sid: str) -> None:
        self._control = control
        self._requests = PolicyRequests(account_sid)

    def read(self) -> EffectivePolicy:
        """Return the limits that apply to the account."""
        return self._control.send(self._requests.read())

    def set(
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
        return self._control.send(request)

    def clear(self) -> None:
        """Delete the account's own limits, so that the server's settings apply."""
        self._control.send(self._requests.clear())

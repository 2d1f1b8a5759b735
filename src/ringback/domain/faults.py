"""Faults that a test asks for: where they strike, what they do, how often.

An effect is a value; the Twilio surface and the callback sender know how to bring it about.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Literal

from ringback.domain.errors import (
    TwilioError,
    internal_server_error,
    method_not_allowed,
    not_found,
    service_unavailable,
    too_many_requests,
    wrong_credentials,
)
from ringback.domain.operations import Operation
from ringback.domain.timestamps import Timestamp

FIRST_CODE = 20_000
"""The code of an HTTP status that has none of its own is this and the status. Source: docs/fidelity.md, errors."""

RandomFraction = Callable[[int, int], float]
"""Returns a number from 0 up to 1, without 1, for a fault's place in its account's list and its how manieth chance."""
Said = Mapping[str, Any]


class FaultTarget(StrEnum):
    """Where a fault applies: one operation of the Twilio API, all of them, or a StatusCallback."""

    LIST_OUTGOING_CALLER_IDS = Operation.LIST_OUTGOING_CALLER_IDS
    CREATE_VALIDATION_REQUEST = Operation.CREATE_VALIDATION_REQUEST
    FETCH_OUTGOING_CALLER_ID = Operation.FETCH_OUTGOING_CALLER_ID
    UPDATE_OUTGOING_CALLER_ID = Operation.UPDATE_OUTGOING_CALLER_ID
    DELETE_OUTGOING_CALLER_ID = Operation.DELETE_OUTGOING_CALLER_ID
    FETCH_ACCOUNT = Operation.FETCH_ACCOUNT
    FETCH_CALL = Operation.FETCH_CALL
    LIST_CALLS = Operation.LIST_CALLS
    STATUS_CALLBACK = "status-callback"
    EVERY_OPERATION = "*"


class UnfitFault(ValueError):
    """No fault can be like this; the message says where it is wrong, and what would fit."""


@dataclass(frozen=True, slots=True)
class AnswerError:
    """The request is answered with an error, and nothing is changed; Twilio's own code and words unless given."""

    status: int
    code: int | None = None
    message: str | None = None

    @property
    def said(self) -> Said:
        return _given(status=self.status, code=self.code, message=self.message)

    def error(self, path: str) -> TwilioError:
        """Return the error to answer a request for `path` with."""
        own = _OWN_WORDS[self.status](path) if self.status in _OWN_WORDS else _plain_error(self.status)
        return TwilioError(self.status, self.code or own.code, self.message or own.message, own.headers)


_OWN_WORDS: Mapping[int, Callable[[str], TwilioError]] = MappingProxyType(
    {
        401: lambda _: wrong_credentials(),
        404: not_found,
        405: lambda _: method_not_allowed("OPTIONS"),
        429: lambda _: too_many_requests(),
        500: lambda _: internal_server_error(),
        503: lambda _: service_unavailable(),
    }
)


def _plain_error(status: int) -> TwilioError:
    phrases = {known.value: known.phrase for known in HTTPStatus}
    return TwilioError(status, FIRST_CODE + status, phrases.get(status, "Error"))


@dataclass(frozen=True, slots=True)
class Delay:
    """So many real seconds pass first, whatever the account's clock shows."""

    seconds: float

    @property
    def said(self) -> Said:
        return {"delay_seconds": self.seconds}


@dataclass(frozen=True, slots=True)
class DropConnection:
    """The connection is closed without a response, before anything is changed or after the change is committed."""

    moment: Literal["before", "after"]

    @property
    def said(self) -> Said:
        return {"drop": self.moment}


DROP_BEFORE = DropConnection("before")
"""The fault whose request is never answered and changes nothing."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A StatusCallback is sent so often in all."""

    times: int

    @property
    def said(self) -> Said:
        return {"duplicate": self.times}


@dataclass(frozen=True, slots=True)
class BadSignature:
    """A StatusCallback is signed with what is not its account's auth token."""

    @property
    def said(self) -> Said:
        return {"signature": "bad"}

    def token(self, auth_token: str) -> str:
        """Return what it is signed with instead of its account's `auth_token`."""
        return f"{auth_token}?"


@dataclass(frozen=True, slots=True)
class Suppress:
    """A StatusCallback is never sent, and counts as failed."""

    @property
    def said(self) -> Said:
        return {"drop": True}


Effect = AnswerError | Delay | DropConnection | Duplicate | BadSignature | Suppress

_MAKERS: Mapping[str, Callable[[Said], Effect]] = MappingProxyType(
    {
        "status": lambda said: AnswerError(said["status"], said.get("code"), said.get("message")),
        "delay_seconds": lambda said: Delay(said["delay_seconds"]),
        "drop": lambda said: Suppress() if said["drop"] is True else DropConnection(said["drop"]),
        "duplicate": lambda said: Duplicate(said["duplicate"]),
        "signature": lambda _: BadSignature(),
    }
)
_FIT_OPERATIONS = (AnswerError, Delay, DropConnection)
_FIT_CALLBACKS = (Delay, Duplicate, BadSignature, Suppress)
_SAID_OF_OPERATIONS = 'status, delay_seconds, drop "before", drop "after"'
_SAID_OF_CALLBACKS = 'delay_seconds, duplicate, signature "bad", drop true'


def _given(**values: Any) -> Said:
    return {name: value for name, value in values.items() if value is not None}


def described(effect: Effect) -> str:
    """Return an effect in a word or two, for a log line: ``status 429``."""
    name, value = next(iter(effect.said.items()))
    return f"{name} {str(value).lower() if isinstance(value, bool) else value}"


def effect_from_dict(said: Said) -> Effect:
    """Return the effect that is said by its name and value: ``{"status": 429}``. Raises UnfitFault."""
    named = [name for name in _MAKERS if name in said]
    if len(named) != 1:
        raise UnfitFault(f"effect: exactly one of {', '.join(_MAKERS)}")
    if named != ["status"] and said.keys() & {"code", "message"}:
        raise UnfitFault("effect: code and message belong to status")
    return _MAKERS[named[0]](said)


def callback_effect(said: Said) -> Effect:
    """Return the effect of a fault that a StatusCallback met. Raises UnfitFault for what cannot be one."""
    effect = effect_from_dict(said)
    if not isinstance(effect, _FIT_CALLBACKS):
        raise UnfitFault(f"effect: {described(effect)} is not for StatusCallbacks")
    if isinstance(effect, Delay) and not isinstance(effect.seconds, int | float):
        raise UnfitFault("effect: delay_seconds is not a number")
    if isinstance(effect, Duplicate) and not isinstance(effect.times, int):
        raise UnfitFault("effect: duplicate is not a number")
    return effect


@dataclass(frozen=True, slots=True)
class NewFault:
    """A fault that is about to be stored; it strikes so many `times`, or with a `probability`, or always."""

    operation: FaultTarget
    effect: Effect
    times: int | None = None
    probability: float | None = None

    def __post_init__(self) -> None:
        """Raise UnfitFault where the parts do not go together."""
        if self.times is not None and self.probability is not None:
            raise UnfitFault("times, probability: one of them, or neither for a fault that strikes always")
        is_callback = self.operation == FaultTarget.STATUS_CALLBACK
        if not isinstance(self.effect, _FIT_CALLBACKS if is_callback else _FIT_OPERATIONS):
            what_fits = _SAID_OF_CALLBACKS if is_callback else _SAID_OF_OPERATIONS
            raise UnfitFault(f"effect: {described(self.effect)} is none for {self.operation}, which takes {what_fits}")


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that may strike: it had so many `chances`, and took so many as there are `strikes`.

    `times_left` is None for one that is not counted.
    """

    id: int
    operation: FaultTarget
    effect: Effect
    times_left: int | None
    probability: float | None
    chances: int
    strikes: int
    date_created: Timestamp

    @property
    def is_used_up(self) -> bool:
        return self.times_left == 0

    def fits(self, operation: FaultTarget) -> bool:
        """Tell whether this fault may strike there; the StatusCallback is no operation."""
        if self.operation == FaultTarget.EVERY_OPERATION:
            return operation != FaultTarget.STATUS_CALLBACK
        return self.operation == operation

    def tried(self, place: int, draw: RandomFraction) -> "Fault":
        """Return this fault after one more chance; it has struck if it has one more strike.

        `place` is where it stands in its account's list, from 0.
        """
        chances = self.chances + 1
        if self.probability is not None and draw(place, chances) >= self.probability:
            return replace(self, chances=chances)
        left = None if self.times_left is None else self.times_left - 1
        return replace(self, chances=chances, strikes=self.strikes + 1, times_left=left)

"""Faults that a test injects: where they apply, their effect, and how often they are triggered.

An effect is a value. The Twilio API and the callback sender carry it out.
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
"""Added to an HTTP status without a specific Twilio code. Source: docs/fidelity.md, errors."""

RandomFraction = Callable[[int, int], float]
"""Return a random number in [0, 1) for a fault's index in its account and the number of its trial."""
EffectDict = Mapping[str, Any]
"""An effect as JSON has it: its name and value, ``{"status": 429}``."""


class FaultTarget(StrEnum):
    """The target of a fault: one operation of the Twilio API, all of them, or StatusCallbacks.

    Each member of Operation is a target under the same name.
    """

    _ignore_ = "members operation"
    members = vars()
    for operation in Operation:
        members[operation.name] = operation.value
    STATUS_CALLBACK = "status-callback"
    EVERY_OPERATION = "*"


class InvalidFault(ValueError):
    """A fault is invalid; the message names the part and what would be valid."""


@dataclass(frozen=True, slots=True)
class AnswerError:
    """Effect that answers a request with an error and changes nothing. `code` and `message` default to Twilio's own."""

    status: int
    code: int | None = None
    message: str | None = None

    def to_dict(self) -> EffectDict:
        fields = {"status": self.status, "code": self.code, "message": self.message}
        return {name: value for name, value in fields.items() if value is not None}

    def error(self, path: str) -> TwilioError:
        """Return the error that answers a request for `path`."""
        default = _TWILIO_ERRORS[self.status](path) if self.status in _TWILIO_ERRORS else _plain_error(self.status)
        return TwilioError(self.status, self.code or default.code, self.message or default.message, default.headers)


_TWILIO_ERRORS: Mapping[int, Callable[[str], TwilioError]] = MappingProxyType(
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
    """Effect that delays a request or StatusCallback by `seconds` of real time, independent of the account's clock."""

    seconds: float

    def to_dict(self) -> EffectDict:
        return {"delay_seconds": self.seconds}


@dataclass(frozen=True, slots=True)
class DropConnection:
    """Effect that closes the connection without a response, before any change or after the change is committed."""

    moment: Literal["before", "after"]

    def to_dict(self) -> EffectDict:
        return {"drop": self.moment}


DROP_BEFORE = DropConnection("before")
"""The effect of a request that is never answered and changes nothing."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Effect that sends a StatusCallback `times` times in total."""

    times: int

    def to_dict(self) -> EffectDict:
        return {"duplicate": self.times}


@dataclass(frozen=True, slots=True)
class BadSignature:
    """Effect that signs a StatusCallback with a token that is not its account's."""

    def to_dict(self) -> EffectDict:
        return {"signature": "bad"}

    def token(self, auth_token: str) -> str:
        """Return the token that replaces its account's `auth_token`."""
        return f"{auth_token}?"


@dataclass(frozen=True, slots=True)
class Suppress:
    """Effect that suppresses a StatusCallback, which then counts as failed."""

    def to_dict(self) -> EffectDict:
        return {"drop": True}


Effect = AnswerError | Delay | DropConnection | Duplicate | BadSignature | Suppress

_EFFECTS: Mapping[str, Callable[[EffectDict], Effect]] = MappingProxyType(
    {
        "status": lambda data: AnswerError(data["status"], data.get("code"), data.get("message")),
        "delay_seconds": lambda data: Delay(data["delay_seconds"]),
        "drop": lambda data: Suppress() if data["drop"] is True else DropConnection(data["drop"]),
        "duplicate": lambda data: Duplicate(data["duplicate"]),
        "signature": lambda _: BadSignature(),
    }
)
_OPERATION_EFFECTS = (AnswerError, Delay, DropConnection)
_CALLBACK_EFFECTS = (Delay, Duplicate, BadSignature, Suppress)
_OPERATION_EFFECT_NAMES = 'status, delay_seconds, drop "before", drop "after"'
_CALLBACK_EFFECT_NAMES = 'delay_seconds, duplicate, signature "bad", drop true'


def describe_effect(effect: Effect) -> str:
    """Describe an effect in a word or two, for a log line: ``status 429``."""
    name, value = next(iter(effect.to_dict().items()))
    return f"{name} {str(value).lower() if isinstance(value, bool) else value}"


def effect_from_dict(data: EffectDict) -> Effect:
    """Return the effect that `data` names: ``{"status": 429}``. Raises InvalidFault."""
    names = [name for name in _EFFECTS if name in data]
    if len(names) != 1:
        raise InvalidFault(f"effect: exactly one of {', '.join(_EFFECTS)}")
    if names != ["status"] and data.keys() & {"code", "message"}:
        raise InvalidFault("effect: code and message belong to status")
    return _EFFECTS[names[0]](data)


def callback_effect_from_dict(data: EffectDict) -> Effect:
    """Return the effect on a StatusCallback that `data` names. Raises InvalidFault for one that applies to requests."""
    effect = effect_from_dict(data)
    if not isinstance(effect, _CALLBACK_EFFECTS):
        raise InvalidFault(f"effect: {describe_effect(effect)} is not for StatusCallbacks")
    if isinstance(effect, Delay) and not isinstance(effect.seconds, int | float):
        raise InvalidFault("effect: delay_seconds is not a number")
    if isinstance(effect, Duplicate) and not isinstance(effect.times, int):
        raise InvalidFault("effect: duplicate is not a number")
    return effect


@dataclass(frozen=True, slots=True)
class NewFault:
    """A fault that is not stored yet: it is triggered `times` times, or with a `probability`, or always."""

    operation: FaultTarget
    effect: Effect
    times: int | None = None
    probability: float | None = None

    def __post_init__(self) -> None:
        """Raise InvalidFault for parts that do not go together."""
        if self.times is not None and self.probability is not None:
            raise InvalidFault("times, probability: give one of them, or neither for a fault that always applies")
        is_callback = self.operation == FaultTarget.STATUS_CALLBACK
        if not isinstance(self.effect, _CALLBACK_EFFECTS if is_callback else _OPERATION_EFFECTS):
            allowed = _CALLBACK_EFFECT_NAMES if is_callback else _OPERATION_EFFECT_NAMES
            raise InvalidFault(
                f"effect: {describe_effect(self.effect)} is not valid for {self.operation}, which takes {allowed}"
            )


@dataclass(frozen=True, slots=True)
class Fault:
    """A stored fault.

    `trials` counts its trials, `triggered` those that triggered it; `times_left` is None for a fault without `times`.
    """

    id: int
    operation: FaultTarget
    effect: Effect
    times_left: int | None
    probability: float | None
    trials: int
    triggered: int
    date_created: Timestamp

    @property
    def is_used_up(self) -> bool:
        return self.times_left == 0

    def applies_to(self, target: FaultTarget) -> bool:
        """Tell whether this fault may be triggered there; `*` is every operation, but not the StatusCallback."""
        if self.operation == FaultTarget.EVERY_OPERATION:
            return target != FaultTarget.STATUS_CALLBACK
        return self.operation == target

    def after_trial(self, index: int, random_fraction: RandomFraction) -> "Fault":
        """Return this fault after one more trial, which triggered it if `triggered` is one higher.

        `index` is its position among its account's faults, from 0.
        """
        trials = self.trials + 1
        if self.probability is not None and random_fraction(index, trials) >= self.probability:
            return replace(self, trials=trials)
        times_left = None if self.times_left is None else self.times_left - 1
        return replace(self, trials=trials, triggered=self.triggered + 1, times_left=times_left)

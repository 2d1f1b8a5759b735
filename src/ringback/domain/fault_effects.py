"""Effects of faults: an error, a delay, a lost response, or a duplicated, wrongly signed or lost StatusCallback.

Effects are values. The Twilio API and the callback sender apply them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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

FIRST_CODE = 20_000
"""Twilio's general error codes are the sum of this number and the HTTP status. Source: docs/fidelity.md, errors."""
FIRST_ERROR_STATUS = 400
BODILESS_STATUSES = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.RESET_CONTENT, HTTPStatus.NOT_MODIFIED})
LOWEST_STATUS, HIGHEST_STATUS = 200, 599
HIGHEST_CODE = 999_999
MESSAGE_MAX_CHARACTERS = 1_000
BODY_MAX_CHARACTERS = 16 * 1024
CONTENT_TYPE = r"^[!-~]([ -~]{0,198}[!-~])?$"
LONGEST_DELAY_SECONDS = 300
FEWEST_COPIES, MOST_COPIES = 2, 10
DEFAULT_CONTENT_TYPE = "text/html; charset=utf-8"
"""Default content type of a fault's body: HTML, which load balancers and proxies usually send."""

EffectDict = Mapping[str, Any]
"""The JSON form of an effect: its name and value, such as ``{"status": 429}``, and the options of this effect."""


class InvalidFault(ValueError):
    """A fault is invalid; the message names the invalid part and the valid values."""


@dataclass(frozen=True, slots=True)
class AnswerError:
    """Effect that answers a request with an error, changing nothing.

    `code` and `message` default to Twilio's values.
    """

    status: int
    code: int | None = None
    message: str | None = None

    def to_dict(self) -> EffectDict:
        fields = {"status": self.status, "code": self.code, "message": self.message}
        return {name: value for name, value in fields.items() if value is not None}

    def error(self, path: str) -> TwilioError:
        """Return the error response to a request for `path`."""
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
class AnswerBody:
    """Effect that answers a request with any status and body, as a proxy might, and changes nothing."""

    status: int
    body: str
    content_type: str = DEFAULT_CONTENT_TYPE

    def to_dict(self) -> EffectDict:
        return {"status": self.status, "body": self.body, "content_type": self.content_type}


@dataclass(frozen=True, slots=True)
class Delay:
    """Effect that delays a request or StatusCallback by `seconds` of real time, independent of the account's clock.

    A request is delayed before any change or, with the moment "after", between the commit and the response.
    """

    seconds: float
    moment: Literal["before", "after"] = "before"

    def to_dict(self) -> EffectDict:
        return {"delay_seconds": self.seconds, **({"when": "after"} if self.moment == "after" else {})}


@dataclass(frozen=True, slots=True)
class DropConnection:
    """Effect that closes the connection without a response, before any change or after the change is committed."""

    moment: Literal["before", "after"]

    def to_dict(self) -> EffectDict:
        return {"drop": self.moment}


DROP_BEFORE = DropConnection("before")
"""The effect that closes the connection before any change, without a response."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Effect that sends a StatusCallback `times` times in total: one copy after another, or all of them at once."""

    times: int
    at_once: bool = False

    def to_dict(self) -> EffectDict:
        return {"duplicate": self.times, **({"at_once": True} if self.at_once else {})}


class SignatureFlaw(StrEnum):
    """The flaw in a signature: a wrong key or a wrong URL."""

    BAD = "bad"
    WITHOUT_PORT = "without-port"
    SECONDARY = "secondary"


@dataclass(frozen=True, slots=True)
class AlterSignature:
    """Effect that signs a StatusCallback with a wrong key, with the secondary auth token, or without the URL's port."""

    flaw: SignatureFlaw

    def to_dict(self) -> EffectDict:
        return {"signature": self.flaw.value}


def bad_key(key: str) -> str:
    """Return a wrong key to use instead of `key`, an auth token or the secret of a shared key."""
    return f"{key}?"


@dataclass(frozen=True, slots=True)
class Suppress:
    """Effect that suppresses a StatusCallback, which then counts as failed."""

    def to_dict(self) -> EffectDict:
        return {"drop": True}


Effect = AnswerError | AnswerBody | Delay | DropConnection | Duplicate | AlterSignature | Suppress


def _answer(data: EffectDict) -> Effect:
    status, body = data["status"], data.get("body")
    if body is None:
        if status < FIRST_ERROR_STATUS:
            raise InvalidFault(f"effect.status: a status below {FIRST_ERROR_STATUS} needs a body")
        if "content_type" in data:
            raise InvalidFault("effect: content_type belongs to body")
        return AnswerError(status, data.get("code"), data.get("message"))
    if data.keys() & {"code", "message"}:
        raise InvalidFault("effect: body replaces Twilio's error, so code and message cannot be used with it")
    if body and status in BODILESS_STATUSES:
        raise InvalidFault(f"effect: status {status} has no body")
    return AnswerBody(status, body, data.get("content_type", DEFAULT_CONTENT_TYPE))


_EFFECTS: Mapping[str, Callable[[EffectDict], Effect]] = MappingProxyType(
    {
        "status": _answer,
        "delay_seconds": lambda data: Delay(data["delay_seconds"], data.get("when", "before")),
        "drop": lambda data: Suppress() if data["drop"] is True else DropConnection(data["drop"]),
        "duplicate": lambda data: Duplicate(data["duplicate"], data.get("at_once", False)),
        "signature": lambda data: AlterSignature(SignatureFlaw(data["signature"])),
    }
)
_OPTIONS = (
    (frozenset({"code", "message"}), "status"),
    (frozenset({"body", "content_type"}), "status"),
    (frozenset({"when"}), "delay_seconds"),
    (frozenset({"at_once"}), "duplicate"),
)
"""The options of effects. Each set of options belongs to a single effect."""
OPERATION_EFFECT_NAMES = 'status, delay_seconds, drop "before", drop "after"'
CALLBACK_EFFECT_NAMES = 'delay_seconds, duplicate, signature "bad", "without-port" or "secondary", drop true'


def is_on_requests(effect: Effect) -> bool:
    """Return whether an effect applies to requests."""
    return isinstance(effect, AnswerError | AnswerBody | Delay | DropConnection)


def is_on_callbacks(effect: Effect) -> bool:
    """Return whether an effect applies to StatusCallbacks. A delay "after" does not, because it delays a response."""
    is_late_answer = isinstance(effect, Delay) and effect.moment == "after"
    return isinstance(effect, Delay | Duplicate | AlterSignature | Suppress) and not is_late_answer


def describe_effect(effect: Effect) -> str:
    """Describe an effect in a few words, for a log line: ``status 429``."""
    match effect:
        case AnswerBody():
            return f"status {effect.status} with body"
        case Delay(seconds, "after"):
            return f"delay_seconds {seconds:g} after"
        case Duplicate(times, at_once=True):
            return f"duplicate {times} at once"
    name, value = next(iter(effect.to_dict().items()))
    return f"{name} {str(value).lower() if isinstance(value, bool) else value}"


def effect_from_dict(data: EffectDict) -> Effect:
    """Return the effect that `data` describes, for example ``{"status": 429}``. Raises InvalidFault."""
    names = [name for name in _EFFECTS if name in data]
    if len(names) != 1:
        raise InvalidFault(f"effect: must have exactly one of {', '.join(_EFFECTS)}")
    for options, owner in _OPTIONS:
        if names != [owner] and data.keys() & options:
            verb = "belong" if len(options) > 1 else "belongs"
            raise InvalidFault(f"effect: {' and '.join(sorted(options))} {verb} to {owner}")
    effect = _EFFECTS[names[0]](data)
    _check_values(effect)
    return effect


def _check_values(effect: Effect) -> None:
    """Raise InvalidFault for a value that the control API would refuse. A stored effect may have been edited."""
    match effect:
        case AnswerError(status, code, message):
            _check_status(status)
            _check(code is None or _is_integer(code, 1, HIGHEST_CODE), "code", code)
            _check(message is None or _is_text(message, 1, MESSAGE_MAX_CHARACTERS), "message", message)
            _check(message is None or message.isprintable(), "message", message)
        case AnswerBody(status, body, content_type):
            _check_status(status)
            _check(_is_text(body, 0, BODY_MAX_CHARACTERS), "body", body)
            is_header = isinstance(content_type, str) and re.fullmatch(CONTENT_TYPE, content_type)
            _check(is_header, "content_type", content_type)
        case Delay(seconds, moment):
            is_number = type(seconds) in {int, float} and 0 <= seconds <= LONGEST_DELAY_SECONDS
            _check(is_number, "delay_seconds", seconds)
            _check(moment in ("before", "after"), "when", moment)
        case DropConnection(moment):
            _check(moment in ("before", "after"), "drop", moment)
        case Duplicate(times, at_once):
            _check(_is_integer(times, FEWEST_COPIES, MOST_COPIES), "duplicate", times)
            _check(isinstance(at_once, bool), "at_once", at_once)


def _check_status(status: object) -> None:
    _check(_is_integer(status, LOWEST_STATUS, HIGHEST_STATUS), "status", status)


def _check(is_valid: object, name: str, value: object) -> None:
    if not is_valid:
        raise InvalidFault(f"effect.{name}: {value!r:.100} is not valid")


def _is_integer(value: object, lowest: int, highest: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest


def _is_text(value: object, fewest: int, most: int) -> bool:
    return isinstance(value, str) and fewest <= len(value) <= most


def callback_effect_from_dict(data: EffectDict) -> Effect:
    """Return the effect on a StatusCallback that `data` describes. Raises InvalidFault for an effect on requests."""
    effect = effect_from_dict(data)
    if not is_on_callbacks(effect):
        raise InvalidFault(f"effect: {describe_effect(effect)} does not apply to StatusCallbacks")
    return effect

"""Simulated phones: their reactions to a call and to the prompt for the code, and the time that each reaction takes."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from ringback.domain.phone_numbers import RESERVED_PREFIX

CODE_DIGITS = 6
"""Number of digits in a validation code. Source: docs/fidelity.md, validation code [page]."""
MAX_PHONE_SECONDS = 86_400
"""Maximum time that a phone rings, or that the callee takes to enter the code."""


class PhoneBehavior(StrEnum):
    """The behavior of a phone in a validation call."""

    ENTER_CODE = "enter-code"
    ENTER_WRONG_CODE = "enter-wrong-code"
    MISTYPE_ONCE = "mistype-once"
    ENTER_NOTHING = "enter-nothing"
    HANG_UP = "hang-up"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    UNREACHABLE = "unreachable"
    GEO_BLOCKED = "geo-blocked"
    MANUAL = "manual"


class LineState(StrEnum):
    """The result of dialing a phone. The guards of `CallEvent.DIAL` have the same values."""

    FREE = "line free"
    BUSY = "line busy"
    UNREACHABLE = "unreachable"
    GEO_BLOCKED = "geo-blocked"


@dataclass(frozen=True, slots=True)
class Phone:
    """A simulated phone.

    It rings for `ring_seconds` before it is answered, and the callee takes `key_seconds` to enter the code. With an
    `extension`, a switchboard answers, and only a call that dials these digits reaches the callee.
    """

    behavior: PhoneBehavior
    ring_seconds: float = 1.0
    key_seconds: float = 1.0
    extension: str | None = None


@dataclass(frozen=True, slots=True)
class PhoneRule:
    """A rule for the phone at a number, from a seed file or a test. A field that is None has its default value."""

    behavior: PhoneBehavior
    ring_seconds: float | None = None
    key_seconds: float | None = None
    extension: str | None = None

    def applied_to(self, default: Phone) -> Phone:
        """Return the phone that this rule describes, with the times of `default` unless the rule sets them."""
        return Phone(
            self.behavior,
            default.ring_seconds if self.ring_seconds is None else self.ring_seconds,
            default.key_seconds if self.key_seconds is None else self.key_seconds,
            self.extension,
        )


@dataclass(frozen=True, slots=True)
class CalleeReaction:
    """An action of the callee, `after_seconds` after a prompt starts: enter `digits`, or hang up if it is None."""

    after_seconds: float
    digits: str | None


RESERVED_BEHAVIORS = {
    f"{RESERVED_PREFIX}1": PhoneBehavior.ENTER_WRONG_CODE,
    f"{RESERVED_PREFIX}2": PhoneBehavior.ENTER_NOTHING,
    f"{RESERVED_PREFIX}3": PhoneBehavior.HANG_UP,
    f"{RESERVED_PREFIX}4": PhoneBehavior.BUSY,
    f"{RESERVED_PREFIX}5": PhoneBehavior.NO_ANSWER,
    f"{RESERVED_PREFIX}6": PhoneBehavior.UNREACHABLE,
    f"{RESERVED_PREFIX}7": PhoneBehavior.MISTYPE_ONCE,
    f"{RESERVED_PREFIX}8": PhoneBehavior.MANUAL,
    f"{RESERVED_PREFIX}9": PhoneBehavior.GEO_BLOCKED,
}


class PhoneSource(StrEnum):
    """A source of a phone's behavior. The members are in order of precedence."""

    SCRIPT = "script"
    RULE = "rule"
    RESERVED = "reserved number"
    ACCOUNT = "account's rule"
    SETTING = "setting"


@dataclass(frozen=True, slots=True)
class PhoneRules:
    """The rules for the phone at one number: the next entry of its script, its own rule, and the account's rule."""

    scripted: PhoneRule | None = None
    own: PhoneRule | None = None
    account: PhoneRule | None = None


def phone_at(number: str, rules: PhoneRules, default: Phone) -> tuple[Phone, PhoneSource]:
    """Return the phone at an E.164 number, and the source of its behavior.

    A number's own rule overrides the behavior of a reserved number; the account's rule does not. An entry of a script
    applies to one call; values that it does not set come from the other rules.
    """
    phone, source = _without_script(number, rules, default)
    if rules.scripted is None:
        return phone, source
    scripted = rules.scripted.applied_to(phone)
    return replace(scripted, extension=scripted.extension or phone.extension), PhoneSource.SCRIPT


def _without_script(number: str, rules: PhoneRules, default: Phone) -> tuple[Phone, PhoneSource]:
    if rules.own:
        return rules.own.applied_to(default), PhoneSource.RULE
    if number in RESERVED_BEHAVIORS:
        return PhoneRule(RESERVED_BEHAVIORS[number]).applied_to(default), PhoneSource.RESERVED
    if rules.account:
        return rules.account.applied_to(default), PhoneSource.ACCOUNT
    return default, PhoneSource.SETTING


def line_state(phone: Phone) -> LineState:
    """Return the result of dialing this phone."""
    if phone.behavior == PhoneBehavior.BUSY:
        return LineState.BUSY
    if phone.behavior == PhoneBehavior.UNREACHABLE:
        return LineState.UNREACHABLE
    return LineState.GEO_BLOCKED if phone.behavior == PhoneBehavior.GEO_BLOCKED else LineState.FREE


def answers_after_seconds(phone: Phone) -> float | None:
    """Return the number of seconds until the phone is answered, or None if it is not answered automatically."""
    by_itself = phone.behavior not in (PhoneBehavior.NO_ANSWER, PhoneBehavior.MANUAL)
    return phone.ring_seconds if by_itself else None


def is_reached(phone: Phone, extension: str | None) -> bool:
    """Return whether a call that dials `extension` after the answer reaches the callee."""
    dialed = (extension or "").translate(_WITHOUT_WAITS)
    return phone.extension is None or dialed == phone.extension


def reaction_to_prompt(phone: Phone, prompt_number: int, code: str) -> CalleeReaction | None:
    """Return the callee's action at the `prompt_number`-th prompt for the code, or None if the callee does nothing."""
    match phone.behavior:
        case PhoneBehavior.ENTER_CODE:
            return CalleeReaction(phone.key_seconds, code)
        case PhoneBehavior.ENTER_WRONG_CODE:
            return CalleeReaction(phone.key_seconds, wrong_code(code))
        case PhoneBehavior.MISTYPE_ONCE:
            return CalleeReaction(phone.key_seconds, wrong_code(code) if prompt_number == 1 else code)
        case PhoneBehavior.HANG_UP:
            return CalleeReaction(phone.key_seconds, None)
        case (
            PhoneBehavior.ENTER_NOTHING
            | PhoneBehavior.MANUAL
            | PhoneBehavior.BUSY
            | PhoneBehavior.NO_ANSWER
            | PhoneBehavior.UNREACHABLE
            | PhoneBehavior.GEO_BLOCKED
        ):
            return None
        case _:
            assert_never(phone.behavior)


def wrong_code(code: str) -> str:
    """Return six digits that differ from `code`. The result depends only on `code`."""
    return f"{(int(code) + 1) % 10**CODE_DIGITS:0{CODE_DIGITS}d}"


_WITHOUT_WAITS = str.maketrans("", "", "wW")

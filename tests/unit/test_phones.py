"""Simulated phones: the choice of the rule, and the actions of the callee."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain.phone_numbers import RESERVED_NUMBERS
from ringback.domain.phones import (
    RESERVED_BEHAVIORS,
    LineState,
    Phone,
    PhoneBehavior,
    PhoneRule,
    PhoneRules,
    PhoneSource,
    line_state,
    phone_at,
    wrong_code,
)
from support.domain_values import NUMBER, a_phone

DEFAULT = Phone(PhoneBehavior.ENTER_CODE, 3.0, 4.0)
RESERVED = "+15005550014"


def behavior_and_source(number: str, rules: PhoneRules) -> tuple[PhoneBehavior, PhoneSource]:
    phone, source = phone_at(number, rules, DEFAULT)
    return phone.behavior, source


@pytest.mark.parametrize(
    ("last_digit", "behavior"),
    [
        ("1", PhoneBehavior.ENTER_WRONG_CODE),
        ("2", PhoneBehavior.ENTER_NOTHING),
        ("3", PhoneBehavior.HANG_UP),
        ("4", PhoneBehavior.BUSY),
        ("5", PhoneBehavior.NO_ANSWER),
        ("6", PhoneBehavior.UNREACHABLE),
        ("7", PhoneBehavior.MISTYPE_ONCE),
        ("8", PhoneBehavior.MANUAL),
        ("9", PhoneBehavior.GEO_BLOCKED),
    ],
)
def test_reserved_number_has_its_behavior_without_a_rule(last_digit: str, behavior: PhoneBehavior) -> None:
    phone = Phone(behavior, DEFAULT.ring_seconds, DEFAULT.key_seconds)

    assert phone_at(f"+1500555001{last_digit}", PhoneRules(), DEFAULT) == (phone, PhoneSource.RESERVED)


def test_reserved_numbers_are_those_with_a_behavior() -> None:
    assert set(RESERVED_BEHAVIORS) == RESERVED_NUMBERS


@pytest.mark.parametrize("number", ["+15005550010", NUMBER])
def test_other_numbers_have_the_default_phone(number: str) -> None:
    assert phone_at(number, PhoneRules(), DEFAULT) == (DEFAULT, PhoneSource.SETTING)


def test_rule_of_a_number_takes_precedence() -> None:
    rules = PhoneRules(own=PhoneRule(PhoneBehavior.ENTER_NOTHING), account=PhoneRule(PhoneBehavior.HANG_UP))

    assert behavior_and_source(RESERVED, rules) == (PhoneBehavior.ENTER_NOTHING, PhoneSource.RULE)
    assert behavior_and_source(NUMBER, rules) == (PhoneBehavior.ENTER_NOTHING, PhoneSource.RULE)


def test_default_rule_applies_to_all_but_reserved_numbers() -> None:
    rules = PhoneRules(account=PhoneRule(PhoneBehavior.HANG_UP))

    assert behavior_and_source(NUMBER, rules) == (PhoneBehavior.HANG_UP, PhoneSource.ACCOUNT)
    assert behavior_and_source(RESERVED, rules) == (PhoneBehavior.BUSY, PhoneSource.RESERVED)


def test_script_takes_precedence_over_rules_for_the_values_it_sets() -> None:
    own = PhoneRule(PhoneBehavior.ENTER_NOTHING, ring_seconds=7.0, key_seconds=8.0, extension="123")
    rules = PhoneRules(PhoneRule(PhoneBehavior.HANG_UP, key_seconds=0.0), own, PhoneRule(PhoneBehavior.BUSY))

    assert phone_at(RESERVED, rules, DEFAULT) == (Phone(PhoneBehavior.HANG_UP, 7.0, 0.0, "123"), PhoneSource.SCRIPT)


def test_default_values_apply_where_a_rule_sets_none() -> None:
    assert PhoneRule(PhoneBehavior.HANG_UP).applied_to(DEFAULT) == Phone(PhoneBehavior.HANG_UP, 3.0, 4.0, None)


def test_rule_with_zero_seconds_is_not_a_missing_value() -> None:
    rule = PhoneRule(PhoneBehavior.ENTER_CODE, ring_seconds=0.0, key_seconds=0.0, extension="12")

    assert rule.applied_to(DEFAULT) == Phone(PhoneBehavior.ENTER_CODE, 0.0, 0.0, "12")


@pytest.mark.parametrize("behavior", PhoneBehavior)
def test_line_is_free_unless_the_phone_is_busy_unreachable_or_blocked(behavior: PhoneBehavior) -> None:
    others = {
        PhoneBehavior.BUSY: LineState.BUSY,
        PhoneBehavior.UNREACHABLE: LineState.UNREACHABLE,
        PhoneBehavior.GEO_BLOCKED: LineState.GEO_BLOCKED,
    }

    assert line_state(a_phone(behavior)) == others.get(behavior, LineState.FREE)


@given(st.integers(0, 999_999).map("{:06d}".format))
def test_wrong_code_is_six_other_digits(code: str) -> None:
    wrong = wrong_code(code)

    assert wrong != code
    assert len(wrong) == 6
    assert wrong.isdecimal()

"""Small rules of the domain: SIDs, friendly names, and accounts that may act for other accounts."""

from typing import Any

import pytest

from ringback.domain.accounts import Account, AccountStatus
from ringback.domain.caller_ids import friendly_name_error
from ringback.domain.sids import ACCOUNT, OUTGOING_CALLER_ID, AccountSid, is_sid
from support.domain_values import T0

PARENT = AccountSid("AC" + "1" * 32)
CHILD = AccountSid("AC" + "2" * 32)


def an_account(sid: AccountSid, **changes: Any) -> Account:
    values: dict[str, Any] = {"status": AccountStatus.ACTIVE, "parent_sid": None} | changes
    return Account(sid, "token", "name", None, date_created=T0, date_updated=T0, **values)


@pytest.mark.parametrize("text", ["AC" + "0" * 32, "AC" + "0123456789abcdef" * 2])
def test_sid_is_its_prefix_and_32_hexadecimal_digits(text: str) -> None:
    assert is_sid(ACCOUNT, text)


@pytest.mark.parametrize(
    "text",
    ["", "AC", "PN" + "0" * 32, "AC" + "0" * 31, "AC" + "0" * 33, "AC" + "A" * 32, "AC" + "g" * 32, f"AC{'0' * 32}\n"],
)
def test_malformed_sid_is_rejected(text: str) -> None:
    assert not is_sid(ACCOUNT, text)


def test_sid_with_another_prefix_is_rejected() -> None:
    assert not is_sid(OUTGOING_CALLER_ID, "AC" + "0" * 32)


@pytest.mark.parametrize("name", ["a", "x" * 64, "\U0001f4de" * 64, "\u00e9 \t\n\r", " ", "\ufffd", "\ue000"])
def test_friendly_name_has_1_to_64_code_points(name: str) -> None:
    assert friendly_name_error(name) is None


@pytest.mark.parametrize("name", ["", "x" * 65, "\U0001f4de" * 65])
def test_friendly_name_of_an_invalid_length_is_rejected(name: str) -> None:
    assert friendly_name_error(name) == "must have between 1 and 64 characters"


@pytest.mark.parametrize("character", ["\x00", "\x08", "\x0b", "\x0c", "\x0e", "\x1f", "\ud800", "\ufffe", "\uffff"])
def test_friendly_name_with_characters_not_valid_in_xml_is_rejected(character: str) -> None:
    assert friendly_name_error(f"a{character}b") == "it contains a character that is not valid in XML"


def test_account_may_act_for_itself_and_its_subaccounts() -> None:
    parent, child = an_account(PARENT), an_account(CHILD, parent_sid=PARENT)

    assert parent.may_act_for(parent)
    assert parent.may_act_for(child)
    assert not child.may_act_for(parent)


@pytest.mark.parametrize("status", [AccountStatus.SUSPENDED, AccountStatus.CLOSED])
def test_inactive_account_cannot_act_and_no_account_can_act_for_it(status: AccountStatus) -> None:
    resting, child = an_account(PARENT, status=status), an_account(CHILD, parent_sid=PARENT)
    resting_child = an_account(CHILD, parent_sid=PARENT, status=status)

    assert not resting.may_act_for(resting)
    assert not resting.may_act_for(child)
    assert not an_account(PARENT).may_act_for(resting_child)

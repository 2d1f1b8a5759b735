"""How an account's phones behave: rules, and scripts of what the next calls meet."""

from collections.abc import Sequence
from typing import NamedTuple

from ringback.domain.phones import Phone, PhoneRule, PhoneRules, PhoneSource, phone_at
from ringback.domain.sids import AccountSid
from ringback.storage.phone_repository import DEFAULT_RULE, RingingAccount, RingingPhones
from ringback.storage.unit_of_work import UnitOfWork


class EffectivePhone(NamedTuple):
    """The phone that the next call meets, what makes it so, and the whole script of its number."""

    number: str
    phone: Phone
    source: PhoneSource
    script: list[PhoneRule]


def find_phone(unit_of_work: UnitOfWork, account_sid: AccountSid, number: str, *, default: Phone) -> EffectivePhone:
    """Return the phone at an E.164 number, whether or not anything is said of it.

    At `DEFAULT_RULE`, the one that answers wherever nothing is said of the number itself.
    """
    rules = unit_of_work.phones.rules_at(account_sid, number)
    if number == DEFAULT_RULE:
        rules = PhoneRules(account=rules.account)
    phone, source = phone_at(number, rules, default)
    return EffectivePhone(number, phone, source, unit_of_work.phones.script(account_sid, number))


def phone_rules(unit_of_work: UnitOfWork, account_sid: AccountSid) -> dict[str, PhoneRule]:
    """Return all rules of an account, by number; the account's own under `DEFAULT_RULE`."""
    return unit_of_work.phones.all_rules(account_sid)


def script_lengths(unit_of_work: UnitOfWork, account_sid: AccountSid) -> dict[str, int]:
    """Return how many entries the script of each number of an account has."""
    return unit_of_work.phones.script_lengths(account_sid)


def save_phone_rule(
    unit_of_work: UnitOfWork, account_sid: AccountSid, number: str, rule: PhoneRule, *, default: Phone
) -> EffectivePhone | None:
    """Make the rule of a phone, in place of the one it had; None where the account is gone."""
    with unit_of_work:
        if unit_of_work.accounts.lock_shared(account_sid) is None:
            return None
        unit_of_work.phones.save_rule(account_sid, number, rule)
        return find_phone(unit_of_work, account_sid, number, default=default)


def delete_phone_rule(unit_of_work: UnitOfWork, account_sid: AccountSid, number: str) -> bool:
    """Delete the rule of a phone; False where there is none."""
    with unit_of_work:
        return unit_of_work.phones.delete_rule(account_sid, number)


def queue_script(
    unit_of_work: UnitOfWork, account_sid: AccountSid, number: str, entries: Sequence[PhoneRule]
) -> list[PhoneRule] | None:
    """Add to what the next calls to a number meet, and return all of it; None where the account is gone."""
    with unit_of_work:
        if unit_of_work.accounts.lock_shared(account_sid) is None:
            return None
        unit_of_work.phones.append_to_script(account_sid, number, entries)
        return unit_of_work.phones.script(account_sid, number)


def phone_script(unit_of_work: UnitOfWork, account_sid: AccountSid, number: str) -> list[PhoneRule]:
    """Return what the next calls to a number meet, one each."""
    return unit_of_work.phones.script(account_sid, number)


def delete_phone_script(unit_of_work: UnitOfWork, account_sid: AccountSid, number: str) -> None:
    """Let the next calls to a number meet what its rule says."""
    with unit_of_work:
        unit_of_work.phones.delete_script(account_sid, number)


MAX_COUNTED_PHONES = 100
"""How many phones are counted in one account: counting all would delay other requests."""


def ringing_accounts(unit_of_work: UnitOfWork) -> list[RingingAccount]:
    """Return the accounts with phones that ring or are in a call, and how many; at most MOST_COUNTED in each."""
    return RingingPhones(unit_of_work).accounts(most=MAX_COUNTED_PHONES)

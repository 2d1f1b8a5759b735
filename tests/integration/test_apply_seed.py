"""Applying a seed file: it creates and updates accounts, and leaves existing resources unchanged."""

from dataclasses import replace
from typing import Any

import pytest

from ringback.domain.accounts import AccountStatus, ApiKey
from ringback.domain.incoming_phone_numbers import IncomingPhoneNumber
from ringback.domain.paging import PageRequest
from ringback.domain.permissions import STANDARD_ACCESS, restricted_access
from ringback.domain.phones import PhoneBehavior, PhoneRule, PhoneRules
from ringback.domain.policies import AccountPolicy
from ringback.domain.seed import SeededAccount, SeededNumber
from ringback.domain.sids import AccountSid, ApiKeySid
from ringback.domain.timestamps import Timestamp, after
from ringback.domain.webhook_signing import SignatureAlgorithm, WebhookSigning
from ringback.operations.auth_tokens import promote_secondary_token
from ringback.operations.id_generator import IdGenerator
from ringback.operations.incoming_phone_numbers import list_incoming_phone_numbers
from ringback.operations.seed import InvalidSeed, apply_seed
from ringback.storage.snapshots import COLUMNS, read_table
from ringback.storage.unit_of_work import UnitOfWork
from support.domain_values import ACCOUNT_SID, NUMBER, T0
from support.in_process.simulation import Simulation

SHOP = AccountSid("AC" + "1" * 32)
SUBACCOUNT = AccountSid("AC" + "2" * 32)
KEY = ApiKey(ApiKeySid("SK" + "3" * 32), "secret", SHOP, Timestamp(0))
RULE = PhoneRule(PhoneBehavior.BUSY, 2.0, 3.0, "12")
LATER = after(T0, 3600)


def an_account(sid: AccountSid = SHOP, **changes: Any) -> SeededAccount:
    account = SeededAccount(sid, "token", None, None, None, None, (), (), ())
    return replace(account, **changes)


FULL = an_account(
    secondary_auth_token="another token",
    friendly_name="Shop",
    owner_email="jo@example.com",
    status=AccountStatus.ACTIVE,
    api_keys=(KEY,),
    caller_ids=(SeededNumber(NUMBER, "Front desk", T0), SeededNumber("+442079460958", None, None)),
    phone_rules=((NUMBER, RULE), ("default", PhoneRule(PhoneBehavior.HANG_UP))),
    policy=AccountPolicy(code_attempts=2),
    webhook_signing=WebhookSigning("key_1", "shared secret"),
)


def apply(
    unit_of_work: UnitOfWork, *seed: SeededAccount, now: Timestamp = LATER, random_seed: int | None = None
) -> None:
    apply_seed(unit_of_work, seed, system_now=now, id_generator=IdGenerator(random_seed))


def dump(simulation: Simulation) -> dict[str, list[list[dict[str, Any]]]]:
    return {name: list(read_table(simulation.unit_of_work, name)) for name in COLUMNS}


def test_seed_creates_its_accounts_with_their_resources(simulation: Simulation) -> None:
    unit_of_work = simulation.unit_of_work

    apply(unit_of_work, FULL)

    account = unit_of_work.accounts.find(SHOP)
    newer, older = simulation.caller_ids(SHOP)
    assert account is not None
    assert account.auth_tokens == ("token", "another token")
    assert (account.friendly_name, account.owner_email) == ("Shop", "jo@example.com")
    assert (account.date_created, account.date_updated) == (LATER, LATER)
    assert unit_of_work.api_keys.find_holder(KEY.sid) == (account, "secret", STANDARD_ACCESS)
    assert account.policy == AccountPolicy(code_attempts=2)
    assert account.webhook_signing == WebhookSigning("key_1", "shared secret", SignatureAlgorithm.HMAC_SHA256)
    assert (older.phone_number, older.friendly_name, older.date_created, older.date_updated) == (
        NUMBER,
        "Front desk",
        T0,
        T0,
    )
    assert (newer.phone_number, newer.friendly_name, newer.date_created) == ("+442079460958", "+442079460958", LATER)
    assert unit_of_work.phones.rules_at(SHOP, NUMBER) == PhoneRules(None, RULE, PhoneRule(PhoneBehavior.HANG_UP))
    assert unit_of_work.phones.rules_at(ACCOUNT_SID, NUMBER) == PhoneRules()


def test_seed_applied_again_changes_nothing(simulation: Simulation) -> None:
    apply(simulation.unit_of_work, FULL)
    before = dump(simulation)

    apply(simulation.unit_of_work, FULL, now=after(LATER, 3600))

    assert dump(simulation) == before


def test_seeded_account_without_a_name_is_named_after_its_sid(unit_of_work: UnitOfWork) -> None:
    apply(unit_of_work, an_account())

    made = unit_of_work.accounts.find(SHOP)
    assert made is not None
    assert (made.friendly_name, made.status, made.owner_email) == (SHOP, AccountStatus.ACTIVE, None)


def test_missing_seed_values_leave_the_account_unchanged(unit_of_work: UnitOfWork) -> None:
    apply(unit_of_work, FULL)

    apply(unit_of_work, an_account(auth_token=None, status=AccountStatus.SUSPENDED), now=after(LATER, 60))

    account = unit_of_work.accounts.find(SHOP)
    assert account is not None
    assert (account.auth_token, account.friendly_name, account.status) == ("token", "Shop", AccountStatus.SUSPENDED)
    assert (account.date_created, account.date_updated) == (LATER, after(LATER, 60))


def test_changed_seed_values_update_the_account(unit_of_work: UnitOfWork) -> None:
    apply(unit_of_work, FULL)
    rule, access = PhoneRule(PhoneBehavior.UNREACHABLE), restricted_access(frozenset({"twilio/voice/calls/read"}))
    key = replace(KEY, secret="new", access=access)

    apply(unit_of_work, an_account(api_keys=(key,), phone_rules=((NUMBER, rule),)))

    found = unit_of_work.api_keys.find_holder(KEY.sid)
    assert found is not None
    assert found[1:] == ("new", access)
    assert unit_of_work.phones.rules_at(SHOP, NUMBER).own == rule


def test_seed_does_not_change_an_existing_caller_id(simulation: Simulation) -> None:
    apply(simulation.unit_of_work, FULL)
    before = simulation.caller_ids(SHOP)

    apply(simulation.unit_of_work, an_account(caller_ids=(SeededNumber(NUMBER, "Other", LATER),)))

    assert simulation.caller_ids(SHOP) == before


def test_seed_does_not_change_an_existing_incoming_phone_number(unit_of_work: UnitOfWork) -> None:
    def numbers() -> list[IncomingPhoneNumber]:
        return list(list_incoming_phone_numbers(unit_of_work, SHOP, PageRequest()).rows)

    apply(unit_of_work, an_account(incoming_phone_numbers=(SeededNumber(NUMBER, "Bought", T0),)))
    [before] = numbers()
    assert (before.phone_number, before.friendly_name, before.date_created) == (NUMBER, "Bought", T0)

    apply(unit_of_work, an_account(incoming_phone_numbers=(SeededNumber(NUMBER, "Other", LATER),)))

    assert numbers() == [before]


def test_seeded_subaccount_must_come_after_its_parent(unit_of_work: UnitOfWork) -> None:
    apply(unit_of_work, an_account(), an_account(SUBACCOUNT, parent_sid=SHOP))

    made = unit_of_work.accounts.find(SUBACCOUNT)
    assert made is not None
    assert made.parent_sid == SHOP


def test_parent_of_a_seeded_subaccount_may_already_exist(unit_of_work: UnitOfWork) -> None:
    apply(unit_of_work, an_account(SUBACCOUNT, parent_sid=ACCOUNT_SID))

    assert unit_of_work.accounts.find(SUBACCOUNT) is not None


@pytest.mark.parametrize(
    ("seed", "message"),
    [
        (
            (an_account(), an_account(SUBACCOUNT, parent_sid=AccountSid("AC" + "9" * 32))),
            f"account {SUBACCOUNT}: its parent account",
        ),
        (
            (an_account(SUBACCOUNT, parent_sid=SHOP), an_account()),
            f"account {SUBACCOUNT}: its parent account {SHOP} does not exist",
        ),
        ((an_account(auth_token=None),), f"account {SHOP}: a new account needs an auth_token"),
        (
            (an_account(), an_account(auth_token=None, secondary_auth_token="token")),
            f"account {SHOP}: secondary_auth_token must differ from auth_token",
        ),
        (
            (an_account(), an_account(parent_sid=SHOP)),
            f"account {SHOP}: its parent account {SHOP} must not be its subaccount",
        ),
        (
            (an_account(), an_account(SUBACCOUNT, parent_sid=SHOP), an_account(parent_sid=SUBACCOUNT)),
            f"account {SHOP}: its parent account {SUBACCOUNT} must not be its subaccount",
        ),
    ],
)
def test_seed_is_not_applied_if_an_account_cannot_be_created(
    seed: tuple[SeededAccount, ...], message: str, simulation: Simulation
) -> None:
    before = dump(simulation)

    with pytest.raises(InvalidSeed, match=message):
        apply(simulation.unit_of_work, *seed)

    assert dump(simulation) == before


def test_promoted_auth_token_does_not_become_secondary_again_when_the_seed_is_reapplied(
    unit_of_work: UnitOfWork,
) -> None:
    apply(unit_of_work, an_account(secondary_auth_token="next token"))
    promoted = promote_secondary_token(unit_of_work, SHOP, system_now=LATER)

    apply(unit_of_work, an_account(auth_token=None, secondary_auth_token="next token"))

    assert unit_of_work.accounts.find(SHOP) == promoted


def test_incoming_phone_number_gets_another_sid_if_the_generated_one_is_taken(unit_of_work: UnitOfWork) -> None:
    for number in (NUMBER, "+442079460958"):
        apply(unit_of_work, an_account(incoming_phone_numbers=(SeededNumber(number, None, None),)), random_seed=7)

    assert len(list_incoming_phone_numbers(unit_of_work, SHOP, PageRequest()).rows) == 2


def test_caller_id_gets_another_sid_if_the_generated_one_is_taken(simulation: Simulation) -> None:
    first, second = SeededNumber(NUMBER, None, None), SeededNumber("+442079460958", None, None)
    apply(simulation.unit_of_work, an_account(caller_ids=(first,)), random_seed=7)

    apply(simulation.unit_of_work, an_account(caller_ids=(second,)), random_seed=7)

    assert len(simulation.caller_ids(SHOP)) == 2

"""Apply a seed file. Applying it again changes nothing."""

from dataclasses import astuple, replace

from ringback.domain.accounts import Account, AccountStatus
from ringback.domain.seed import Seed, SeededAccount
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import Timestamp
from ringback.operations.caller_ids import add_caller_id
from ringback.operations.id_generator import IdGenerator
from ringback.operations.incoming_phone_numbers import add_number
from ringback.storage.stepwise import Steps, in_steps
from ringback.storage.unit_of_work import UnitOfWork


class InvalidSeed(Exception):
    """A seed cannot be applied; the message names the account.

    An auth token or a parent account is missing, the two auth tokens are equal, or the parent is a subaccount of the
    account.
    """


@in_steps
def apply_seed(
    unit_of_work: UnitOfWork, seed: Seed, *, system_now: Timestamp, id_generator: IdGenerator
) -> Steps[None]:
    """Create or update the accounts, keys and phone rules of a seed, and create missing numbers, in one transaction.

    Existing caller IDs and incoming phone numbers are not changed. A parent account must come before its subaccounts,
    or exist already; otherwise InvalidSeed is raised.
    """
    with unit_of_work:
        for seeded in seed:
            account = _account(unit_of_work, seeded, system_now)
            for key in seeded.api_keys:
                unit_of_work.api_keys.save(replace(key, date_created=system_now))
                yield
            for app in seeded.oauth_apps:
                unit_of_work.oauth_apps.save(replace(app, date_created=system_now))
                yield
            for add, numbers in ((add_caller_id, seeded.caller_ids), (add_number, seeded.incoming_phone_numbers)):
                for number, name, created in map(astuple, numbers):
                    at = system_now if created is None else created
                    add(unit_of_work, account.sid, number, name, created=at, id_generator=id_generator)
                    yield
            for number, rule in seeded.phone_rules:
                unit_of_work.phones.save_rule(account.sid, number, rule)
                yield
            if seeded.policy is not None:
                unit_of_work.accounts.set_policy(account.sid, seeded.policy)
            if seeded.webhook_signing is not None:
                unit_of_work.accounts.set_webhook_signing(account.sid, seeded.webhook_signing)
            yield


def _account(unit_of_work: UnitOfWork, seeded: SeededAccount, system_now: Timestamp) -> Account:
    if seeded.parent_sid and unit_of_work.accounts.find(seeded.parent_sid) is None:
        raise InvalidSeed(f"account {seeded.sid}: its parent account {seeded.parent_sid} does not exist")
    if seeded.parent_sid and seeded.sid in _with_ancestors(unit_of_work, seeded.parent_sid):
        raise InvalidSeed(f"account {seeded.sid}: its parent account {seeded.parent_sid} must not be its subaccount")
    known = unit_of_work.accounts.find(seeded.sid)
    if known is None and seeded.auth_token is None:
        raise InvalidSeed(f"account {seeded.sid}: a new account needs an auth_token")
    before = known or Account(seeded.sid, "", str(seeded.sid), None, AccountStatus.ACTIVE, None, system_now, system_now)
    named = ("auth_token", "secondary_auth_token", "friendly_name", "owner_email", "status", "parent_sid")
    values = {name: getattr(seeded, name) for name in named if getattr(seeded, name) is not None}
    account = before._replace(**values)
    if account.secondary_auth_token == account.auth_token:
        if account.previous_auth_token is None:
            raise InvalidSeed(f"account {seeded.sid}: secondary_auth_token must differ from auth_token")
        account = account._replace(secondary_auth_token=None)  # the token was promoted after an earlier start
    if account != known:
        unit_of_work.accounts.save(account._replace(date_updated=system_now))
    return account


def _with_ancestors(unit_of_work: UnitOfWork, account_sid: AccountSid) -> set[AccountSid]:
    """Return an account's SID and those of its parent, its parent's parent, and so on."""
    sids: set[AccountSid] = set()
    sid: AccountSid | None = account_sid
    while sid is not None and sid not in sids:  # an edited database may contain a cycle
        sids.add(sid)
        account = unit_of_work.accounts.find(sid)
        sid = account.parent_sid if account else None
    return sids

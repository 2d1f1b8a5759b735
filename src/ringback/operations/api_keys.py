"""Create, list and delete API keys."""

from ringback.domain.accounts import Account, ApiKey
from ringback.domain.permissions import Access
from ringback.domain.sids import API_KEY, AccountSid, ApiKeySid
from ringback.domain.timestamps import Timestamp
from ringback.operations.id_generator import IdGenerator
from ringback.storage.stepwise import Steps, in_steps
from ringback.storage.unit_of_work import UnitOfWork


def create_api_key(
    unit_of_work: UnitOfWork, account: Account, access: Access, *, system_now: Timestamp, id_generator: IdGenerator
) -> ApiKey | None:
    """Create an API key for an account, or return None if the account was deleted."""
    with unit_of_work:
        if unit_of_work.accounts.lock_shared(account.sid) is None:
            return None
        while True:
            sid = ApiKeySid(id_generator.sid(API_KEY))
            key = ApiKey(sid, id_generator.key_secret(), account.sid, account.clock.now(system_now), access)
            if unit_of_work.api_keys.add(key):
                return key


@in_steps
def list_api_keys(unit_of_work: UnitOfWork, account_sid: AccountSid) -> Steps[list[ApiKey]]:
    """Return the API keys of an account, oldest first."""
    keys: list[ApiKey] = []
    for key in unit_of_work.api_keys.of_account(account_sid):
        keys.append(key)
        yield
    return keys


def delete_api_key(unit_of_work: UnitOfWork, account_sid: AccountSid, key_sid: str) -> bool:
    """Delete an API key, which is then no longer valid. Return False if the account does not have it."""
    with unit_of_work:
        unit_of_work.accounts.lock_shared(account_sid)
        return unit_of_work.api_keys.delete(account_sid, key_sid)

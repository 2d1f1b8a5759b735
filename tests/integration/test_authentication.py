"""Valid and invalid credentials for each kind of path. The tests cover docs/fidelity.md, authentication."""

from collections.abc import Callable

import pytest

from ringback.domain.accounts import Account, AccountStatus, ApiKey
from ringback.domain.errors import TwilioError
from ringback.domain.sids import AccountSid, ApiKeySid
from ringback.domain.timestamps import after
from ringback.operations.accounts import Credentials, authenticate, ensure_account
from ringback.storage.unit_of_work import UnitOfWork
from support.domain_values import ACCOUNT_SID, AUTH_TOKEN, T0

PARENT = AccountSid("AC" + "a" * 32)
CHILD = AccountSid("AC" + "b" * 32)
STRANGER = AccountSid("AC" + "c" * 32)
UNKNOWN_ACCOUNT = AccountSid("AC" + "d" * 32)
KEY = ApiKeySid("SK" + "e" * 32)
CHILD_KEY = ApiKeySid("SK" + "f" * 32)
UNKNOWN_KEY = ApiKeySid("SK" + "0" * 32)

Save = Callable[..., None]


@pytest.fixture(autouse=True)
def save(unit_of_work: UnitOfWork) -> Save:
    """Create a parent account, its subaccount, another account and two keys; return a function that changes them."""

    def save_account(sid: AccountSid, status: AccountStatus, parent: AccountSid | None = None) -> None:
        unit_of_work.accounts.save(Account(sid, f"token of {sid}", "name", None, status, parent, T0, T0))

    save_account(PARENT, AccountStatus.ACTIVE)
    save_account(CHILD, AccountStatus.ACTIVE, PARENT)
    save_account(STRANGER, AccountStatus.ACTIVE)
    unit_of_work.api_keys.save(ApiKey(KEY, "secret", PARENT, T0))
    unit_of_work.api_keys.save(ApiKey(CHILD_KEY, "secret", CHILD, T0))
    return save_account


def credentials_of(sid: AccountSid) -> Credentials:
    return Credentials(sid, f"token of {sid}")


def refusal_of(unit_of_work: UnitOfWork, credentials: Credentials, path: str) -> str:
    with pytest.raises(TwilioError) as refusal:
        authenticate(unit_of_work, credentials, path)
    assert (refusal.value.status, refusal.value.code) == (401, 20003)
    assert refusal.value.headers == {"WWW-Authenticate": 'Basic realm="Twilio API"'}
    return refusal.value.message


@pytest.mark.parametrize(
    ("credentials", "path"),
    [
        (credentials_of(PARENT), PARENT),
        (credentials_of(PARENT), CHILD),
        (credentials_of(CHILD), CHILD),
        (credentials_of(STRANGER), STRANGER),
        (Credentials(KEY, "secret"), PARENT),
        (Credentials(KEY, "secret"), CHILD),
        (Credentials(CHILD_KEY, "secret"), CHILD),
    ],
)
def test_valid_credentials_give_access_to_the_path_of_their_account(
    credentials: Credentials, path: AccountSid, unit_of_work: UnitOfWork
) -> None:
    assert authenticate(unit_of_work, credentials, path).account.sid == path


@pytest.mark.parametrize(
    "username", ["", "nobody", UNKNOWN_ACCOUNT, UNKNOWN_KEY, PARENT.lower(), f"{PARENT} ", CHILD[:-1], "SK", "\u00fc"]
)
def test_unknown_user_name_gets_a_distinct_error_message(username: str, unit_of_work: UnitOfWork) -> None:
    message = refusal_of(unit_of_work, Credentials(username, "secret"), PARENT)

    assert message == "Authentication Error - invalid username"


@pytest.mark.parametrize("password", ["", "wrong", f"token of {PARENT} ", f"TOKEN OF {PARENT}", "\u00fc", "secret"])
def test_wrong_password_is_rejected(password: str, unit_of_work: UnitOfWork) -> None:
    assert refusal_of(unit_of_work, Credentials(PARENT, password), PARENT) == "Authenticate"


@pytest.mark.parametrize("password", ["", "wrong", f"token of {PARENT}"])
def test_wrong_secret_of_a_key_is_rejected(password: str, unit_of_work: UnitOfWork) -> None:
    assert refusal_of(unit_of_work, Credentials(KEY, password), PARENT) == "Authenticate"


@pytest.mark.parametrize(
    ("credentials", "path"),
    [
        (credentials_of(CHILD), PARENT),
        (Credentials(CHILD_KEY, "secret"), PARENT),
        (credentials_of(STRANGER), PARENT),
        (credentials_of(PARENT), STRANGER),
        (credentials_of(PARENT), UNKNOWN_ACCOUNT),
        (credentials_of(PARENT), "nonsense"),
        (credentials_of(PARENT), f"{PARENT}.json"),
    ],
)
def test_path_of_another_account_is_rejected_whether_or_not_the_account_exists(
    credentials: Credentials, path: str, unit_of_work: UnitOfWork
) -> None:
    assert refusal_of(unit_of_work, credentials, path) == "Authenticate"


@pytest.mark.parametrize("status", [AccountStatus.SUSPENDED, AccountStatus.CLOSED])
@pytest.mark.parametrize(
    ("credentials", "path"),
    [(credentials_of(PARENT), PARENT), (credentials_of(PARENT), CHILD), (Credentials(KEY, "secret"), PARENT)],
)
def test_inactive_account_is_rejected(
    status: AccountStatus, credentials: Credentials, path: AccountSid, unit_of_work: UnitOfWork, save: Save
) -> None:
    save(PARENT, status)

    assert refusal_of(unit_of_work, credentials, path) == "Authenticate"


def test_suspended_subaccount_is_also_rejected_with_its_parents_credentials(
    unit_of_work: UnitOfWork, save: Save
) -> None:
    save(CHILD, AccountStatus.SUSPENDED, PARENT)

    assert refusal_of(unit_of_work, credentials_of(PARENT), CHILD) == "Authenticate"
    assert refusal_of(unit_of_work, credentials_of(CHILD), CHILD) == "Authenticate"


@pytest.mark.parametrize("status", [AccountStatus.SUSPENDED, AccountStatus.CLOSED])
def test_inactive_subaccount_can_be_read_by_its_parent_as_a_resource(
    status: AccountStatus, unit_of_work: UnitOfWork, save: Save
) -> None:
    save(CHILD, status, PARENT)

    principal = authenticate(unit_of_work, credentials_of(PARENT), CHILD, is_account_path=True)

    assert (principal.account.sid, principal.account.status, principal.holder_sid) == (CHILD, status, PARENT)
    with pytest.raises(TwilioError):
        authenticate(unit_of_work, credentials_of(CHILD), CHILD, is_account_path=True)


@pytest.mark.parametrize(
    ("credentials", "sid"), [(credentials_of(PARENT), PARENT), (Credentials(CHILD_KEY, "secret"), CHILD)]
)
def test_path_without_an_account_uses_the_account_of_the_credentials(
    credentials: Credentials, sid: AccountSid, unit_of_work: UnitOfWork
) -> None:
    principal = authenticate(unit_of_work, credentials, None)

    assert (principal.account.sid, principal.holder_sid) == (sid, sid)


def test_default_account_is_created_once(unit_of_work: UnitOfWork) -> None:
    made = ensure_account(unit_of_work, UNKNOWN_ACCOUNT, "token", T0)

    again = ensure_account(unit_of_work, UNKNOWN_ACCOUNT, "token", after(T0, 60))

    assert made == again == unit_of_work.accounts.find(UNKNOWN_ACCOUNT)
    assert (made.friendly_name, made.status, made.date_created) == ("ringback", AccountStatus.ACTIVE, T0)


def test_default_account_has_the_auth_token_of_the_settings(unit_of_work: UnitOfWork) -> None:
    before = unit_of_work.accounts.find(ACCOUNT_SID)

    after_it = ensure_account(unit_of_work, ACCOUNT_SID, "another", after(T0, 60))

    assert before is not None
    assert (before.auth_token, after_it.auth_token) == (AUTH_TOKEN, "another")
    assert (after_it.date_created, after_it.date_updated) == (T0, after(T0, 60))
    assert unit_of_work.accounts.find(ACCOUNT_SID) == after_it


def test_default_account_keeps_its_existing_auth_token_if_requested(unit_of_work: UnitOfWork) -> None:
    before = unit_of_work.accounts.find(ACCOUNT_SID)

    kept = ensure_account(unit_of_work, ACCOUNT_SID, "another", after(T0, 60), keep_token=True)
    made = ensure_account(unit_of_work, UNKNOWN_ACCOUNT, "another", T0, keep_token=True)

    assert kept == before == unit_of_work.accounts.find(ACCOUNT_SID)
    assert made.auth_token == "another"


def test_secondary_token_that_the_settings_make_the_primary_one_is_no_longer_secondary(
    unit_of_work: UnitOfWork,
) -> None:
    unit_of_work.accounts.save(
        ensure_account(unit_of_work, ACCOUNT_SID, "old", T0)._replace(secondary_auth_token="new")
    )

    changed = ensure_account(unit_of_work, ACCOUNT_SID, "new", T0)

    assert (changed.auth_token, changed.secondary_auth_token) == ("new", None)

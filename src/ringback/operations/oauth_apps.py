"""Create, list and delete OAuth apps, and authenticate their clients and access tokens."""

from collections.abc import Iterable

from ringback.domain.accounts import Account, Principal, explain_inactive_account
from ringback.domain.errors import TwilioError, invalid_client, wrong_credentials
from ringback.domain.oauth import OAuthApp, client_id_of, explain_invalid_token, is_json_web_token
from ringback.domain.permissions import restricted_access
from ringback.domain.secrets import is_same_secret
from ringback.domain.sids import OAUTH_APP, AccountSid, OAuthAppSid, is_sid
from ringback.domain.timestamps import Timestamp
from ringback.operations.accounts import DUMMY_SECRET
from ringback.operations.id_generator import IdGenerator
from ringback.storage.stepwise import Steps, in_steps
from ringback.storage.unit_of_work import UnitOfWork


def create_oauth_app(
    unit_of_work: UnitOfWork,
    account: Account,
    scopes: Iterable[str],
    lifetime_seconds: int,
    *,
    system_now: Timestamp,
    id_generator: IdGenerator,
) -> OAuthApp | None:
    """Create an OAuth app for an account, or return None if the account was deleted."""
    with unit_of_work:
        if unit_of_work.accounts.lock_shared(account.sid) is None:
            return None
        access, created = restricted_access(frozenset(scopes)), account.clock.now(system_now)
        while True:
            client_id = OAuthAppSid(id_generator.sid(OAUTH_APP))
            secret = id_generator.client_secret()
            app = OAuthApp(client_id, secret, account.sid, access, lifetime_seconds, created)
            if unit_of_work.oauth_apps.add(app):
                return app


@in_steps
def list_oauth_apps(unit_of_work: UnitOfWork, account_sid: AccountSid) -> Steps[list[OAuthApp]]:
    """Return the OAuth apps of an account, oldest first."""
    apps: list[OAuthApp] = []
    for app in unit_of_work.oauth_apps.of_account(account_sid):
        apps.append(app)
        yield
    return apps


def delete_oauth_app(unit_of_work: UnitOfWork, account_sid: AccountSid, client_id: str) -> bool:
    """Delete an OAuth app, which invalidates its access tokens. Return False if the account does not have it."""
    with unit_of_work:
        unit_of_work.accounts.lock_shared(account_sid)
        return unit_of_work.oauth_apps.delete(account_sid, client_id)


def authenticate_client(unit_of_work: UnitOfWork, client_id: str, client_secret: str) -> tuple[Account, OAuthApp]:
    """Return the OAuth app with this client ID and secret, and its account. Raises TwilioError 322402."""
    found = unit_of_work.oauth_apps.find_holder(client_id)
    is_valid = is_same_secret(found[1].client_secret if found else DUMMY_SECRET, client_secret)
    if found is None:
        known = f" {client_id}" if is_sid(OAUTH_APP, client_id) else ""
        raise invalid_client(f"unknown OAuth app{known}")
    if not is_valid:
        raise invalid_client(f"wrong client secret for {client_id}")
    if not found[0].is_active:
        raise invalid_client(explain_inactive_account(found[0]))
    return found


def authenticate_token(
    unit_of_work: UnitOfWork, token: str, account_sid: str | None, system_now: Timestamp
) -> Principal:
    """Authenticate a client by an access token for the account in a path, and return the client.

    The token's OAuth app must belong to this account. If `account_sid` is None, the app determines the account. Raises
    TwilioError 20003. Access tokens are not valid for subaccounts. Source: docs/fidelity.md, OAuth [documented].
    """
    if not is_json_web_token(token):
        raise _invalid_token("malformed access token: not a JSON Web Token")
    client_id = client_id_of(token)
    found = unit_of_work.oauth_apps.find_holder(client_id) if client_id else None
    if found is None:
        raise _invalid_token(
            f"the access token does not belong to an existing OAuth app{f': {client_id}' if client_id else ''}"
        )
    account, app = found
    if reason := explain_invalid_token(token, app, account.clock.now(system_now)):
        raise _invalid_token(reason)
    if not account.is_active:
        raise _invalid_token(explain_inactive_account(account))
    if account_sid not in (None, account.sid):
        raise _invalid_token(
            f"access tokens of {app.client_id} are valid only for {account.sid}, not for subaccounts or other accounts"
        )
    return Principal(account, account.sid, app.access)


def _invalid_token(reason: str) -> TwilioError:
    return wrong_credentials(reason)

"""Why a client was not authenticated, in words for the log: no secret, and no text of the client's but SIDs."""

from ringback.domain.accounts import Account
from ringback.domain.sids import ACCOUNT, API_KEY, is_sid


def unknown_user_name(username: str) -> str:
    """Explain a user name that no account and no API key has."""
    if is_sid(ACCOUNT, username):
        return f"unknown account {username}"
    if is_sid(API_KEY, username):
        return f"unknown API key {username}"
    return "the user name is not an account SID or API key SID"


def wrong_secret(username: str) -> str:
    """Explain a wrong password for a user name that exists."""
    return f"wrong secret for key {username}" if is_sid(API_KEY, username) else f"wrong auth token for {username}"


def inactive_account(account: Account) -> str:
    """Explain why an account that is not active is not served."""
    return f"account {account.sid} is {account.status}"


def deleted_account(account_sid: str) -> str:
    """Explain why a request fails whose account was deleted after it was authenticated."""
    return f"account {account_sid} was deleted while the request was processed"


def unfit_path(username: str, path_sid: str, account: Account | None) -> str:
    """Explain why valid credentials of `username` do not open a path; `account` is the one that `path_sid` names."""
    if is_sid(API_KEY, path_sid):
        return "the path names an API key where an account SID belongs"
    if not is_sid(ACCOUNT, path_sid):
        return "the path does not name an account SID"
    if account is None:
        return f"the path names the unknown account {path_sid}"
    if not account.is_active:
        return inactive_account(account)
    if is_sid(API_KEY, username):
        return f"key {username} belongs to another account than {path_sid}"
    return f"account {username} is neither {path_sid} nor its parent account"

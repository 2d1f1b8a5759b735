"""Authentication of clients: the account that they act for, and the credentials of the Authorization header."""

import base64
import binascii
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import NamedTuple

from ringback.domain.errors import TwilioError, no_credentials, not_found
from ringback.domain.oauth import client_id_of
from ringback.domain.sids import ACCOUNT, AccountSid, is_sid
from ringback.operations.accounts import Credentials, authenticate
from ringback.operations.oauth_apps import authenticate_token
from ringback.twilio_api.documents import ACCOUNTS_PATH
from ringback.twilio_api.request_context import RequestContext

HEADER = b"authorization"
MAX_CACHED_BYTES = 512
"""Longer header values are not cached: valid credentials are shorter, and 256 long values would waste memory."""

ACCOUNTS_PREFIX = f"{ACCOUNTS_PATH}/"

Authenticate = Callable[[RequestContext], Awaitable[None]]
"""Sets the context's account. Raises TwilioError 20003."""


async def authenticate_for_path(context: RequestContext) -> None:
    """Authenticate a client for the account in the path, or for its own account on the path of all accounts.

    Raises TwilioError 20404 for any other path without an account SID.
    """
    path = context.resource_path
    account_sid = account_sid_in(path)
    if not account_sid and path != ACCOUNTS_PATH:
        raise not_found(context.path)
    await _authenticate(context, account_sid or None, is_account_path=path == f"{ACCOUNTS_PREFIX}{account_sid}")


async def authenticate_own_account(context: RequestContext) -> None:
    """Authenticate a client for the account of its credentials."""
    await _authenticate(context, None)


async def _authenticate(context: RequestContext, account_sid: str | None, *, is_account_path: bool = False) -> None:
    database = context.services.database
    try:
        credentials = credentials_of(context.scope["headers"])
        if isinstance(credentials, AccessToken):
            context.username = client_id_of(credentials.token)
            system_now = context.services.system_now()
            principal = await database.run(authenticate_token, credentials.token, account_sid, system_now)
        else:
            context.username = credentials.username
            principal = await database.run(authenticate, credentials, account_sid, is_account_path=is_account_path)
    except TwilioError:
        refused_sid = (
            context.username if account_sid is None and is_sid(ACCOUNT, context.username or "") else account_sid
        )
        context.refused_account_sid = AccountSid(refused_sid) if refused_sid else None
        raise
    context.account = context.journal_account = principal.account
    context.access = principal.access
    context.holder_sid = principal.holder_sid


def account_sid_in(path: str) -> str:
    """Return the path segment at the position of an account SID, without any suffix, or an empty string."""
    if not path.startswith(ACCOUNTS_PREFIX):
        return ""
    segment, slash, _ = path[len(ACCOUNTS_PREFIX) :].partition("/")
    return segment if slash else segment[:1] + segment[1:].partition(".")[0]


class AccessToken(NamedTuple):
    """The access token in an Authorization header of type Bearer, not verified yet."""

    token: str


def credentials_of(headers: list[tuple[bytes, bytes]]) -> Credentials | AccessToken:
    """Return the credentials or access token of a request.

    Raises TwilioError 20003 if they are missing or malformed.
    """
    for name, value in headers:
        if name == HEADER:
            credentials = _parse_cached(value) if len(value) <= MAX_CACHED_BYTES else _parse(value)
            if not isinstance(credentials, str):
                return credentials
            raise no_credentials(credentials)
    raise no_credentials("no Authorization header")


def _parse(header: bytes) -> Credentials | AccessToken | str:
    """Return the credentials or the access token in a header, or the reason why it cannot be read."""
    scheme, _, encoded = header.strip().partition(b" ")
    if scheme.lower() == b"bearer":
        token = encoded.strip().decode("latin-1")
        return AccessToken(token) if token else "no access token after Bearer"
    if scheme.lower() != b"basic":
        return "the Authorization header is neither Basic nor Bearer"
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except binascii.Error:
        return "malformed Basic credentials: not base64"
    except UnicodeDecodeError:
        return "malformed Basic credentials: not UTF-8"
    username, colon, password = text.partition(":")
    return Credentials(username, password) if colon else "malformed Basic credentials: no colon"


_parse_cached = lru_cache(maxsize=256)(_parse)

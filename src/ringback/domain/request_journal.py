"""Entries of the request journal: the requests that the Twilio API has answered."""

from collections.abc import Mapping
from itertools import chain, islice
from typing import NamedTuple
from urllib.parse import parse_qsl

from ringback.domain.secrets import MASKED, mask_user_info
from ringback.domain.sids import ACCOUNT, API_KEY, OAUTH_APP, AccountSid, is_sid
from ringback.domain.timestamps import Timestamp

KEPT_PARAMETERS = 50
KEPT_CHARACTERS = 1_000
"""Maximum length of a parameter's name and value, and of a path."""


SECRET_PARAMETERS = frozenset(
    {
        "accesstoken",
        "assertion",
        "authorization",
        "authtoken",
        "clientassertion",
        "clientsecret",
        "code",
        "codeverifier",
        "idtoken",
        "password",
        "primaryauthtoken",
        "refreshtoken",
        "secondaryauthtoken",
        "secret",
        "token",
    }
)
"""Names of secret parameters, in lower case and without characters other than letters."""


class AnsweredRequest(NamedTuple):
    """An answered request that is not stored yet. `at` is the account's time. `status` is 0 if no response was sent.

    `username` is the user name that the client sent, and `fault` describes the injected fault. Both may be None.
    """

    account_sid: AccountSid
    at: Timestamp
    request_sid: str
    method: str
    path: str
    operation: str | None
    username: str | None
    parameters: Mapping[str, str]
    status: int
    error_code: int | None
    elapsed_ms: float
    fault: str | None = None


class JournaledRequest(NamedTuple):
    """A stored request. Later requests have higher ids."""

    id: int
    answered: AnsweredRequest


def truncate_parameters(query: bytes, form: Mapping[str, str]) -> dict[str, str]:
    """Return the first parameters of a query and a form, truncated, with secrets and user info in URLs masked."""
    pairs = chain(_first_parameters(query) if query else (), form.items())
    return {name[:KEPT_CHARACTERS]: _kept(name, value) for name, value in islice(pairs, KEPT_PARAMETERS)}


def _first_parameters(query: bytes) -> list[tuple[str, str]]:
    first = b"&".join(query.split(b"&", KEPT_PARAMETERS)[:KEPT_PARAMETERS])
    return parse_qsl(first.decode(errors="replace"), keep_blank_values=True)


def _kept(name: str, value: str) -> str:
    letters = "".join(filter(str.isalpha, name[:KEPT_CHARACTERS]))
    is_secret = letters.lower() in SECRET_PARAMETERS
    return MASKED if is_secret else mask_user_info(value, KEPT_CHARACTERS)


def mask_username(username: str | None) -> str | None:
    """Return a SID unchanged. Mask anything else, because it may be a misplaced secret."""
    if username is None or any(is_sid(prefix, username) for prefix in (ACCOUNT, API_KEY, OAUTH_APP)):
        return username
    return MASKED

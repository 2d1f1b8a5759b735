"""Entries of the request journal: the requests that the Twilio API has answered."""

from collections.abc import Mapping
from itertools import chain, islice
from typing import NamedTuple
from urllib.parse import parse_qsl

from ringback.domain.errors import METHOD_NOT_ALLOWED
from ringback.domain.secrets import MASKED, mask_user_info
from ringback.domain.sids import ACCOUNT, API_KEY, AccountSid, is_sid
from ringback.domain.timestamps import Timestamp

KEPT_PARAMETERS = 50
KEPT_CHARACTERS = 1_000
"""Maximum length of a parameter's name and value, and of a path."""


class AnsweredRequest(NamedTuple):
    """An answered request that is not stored yet: `at` in the account's time, `status` 0 if no response was sent.

    `username` is as the client sent it, `fault` describes the injected fault; both may be None.
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

    @property
    def used_operation(self) -> str | None:
        """The operation whose permission the client needed, whatever the answer was, or None.

        Requests with a method that a path does not have are journaled under its first operation, which they do not use.
        """
        is_misrouted = self.error_code == METHOD_NOT_ALLOWED and self.fault is None
        return None if is_misrouted else self.operation


class JournaledRequest(NamedTuple):
    """A stored request; later ones have higher ids."""

    id: int
    answered: AnsweredRequest


def truncate_parameters(query: bytes, form: Mapping[str, str]) -> dict[str, str]:
    """Return the first parameters of a query and a form, truncated and with user info in URLs masked."""
    first = b"&".join(query.split(b"&", KEPT_PARAMETERS)[:KEPT_PARAMETERS]).decode(errors="replace")
    pairs = chain(parse_qsl(first, keep_blank_values=True) if first else (), form.items())
    return {
        name[:KEPT_CHARACTERS]: mask_user_info(value, KEPT_CHARACTERS) for name, value in islice(pairs, KEPT_PARAMETERS)
    }


def mask_username(username: str | None) -> str | None:
    """Return a SID unchanged and anything else masked, as it may be a misplaced secret."""
    if username is None or is_sid(ACCOUNT, username) or is_sid(API_KEY, username):
        return username
    return MASKED

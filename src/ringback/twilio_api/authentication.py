"""The Authorization header: HTTP Basic credentials."""

import base64
import binascii
from functools import lru_cache

from ringback.domain.errors import no_credentials
from ringback.operations.accounts import Credentials

HEADER = b"authorization"
MAX_CACHED_BYTES = 512
"""Longer values are parsed each time: valid credentials are shorter, and 256 long ones would take up memory."""


def credentials_of(headers: list[tuple[bytes, bytes]]) -> Credentials:
    """Return the HTTP Basic credentials of a request. Raises TwilioError 20003 for missing or malformed ones."""
    for name, value in headers:
        if name == HEADER:
            credentials = _parse_cached(value) if len(value) <= MAX_CACHED_BYTES else _parse(value)
            if isinstance(credentials, Credentials):
                return credentials
            raise no_credentials(credentials)
    raise no_credentials("no Authorization header")


def _parse(header: bytes) -> Credentials | str:
    """Return the credentials in a header, or the reason why they cannot be read."""
    scheme, _, encoded = header.strip().partition(b" ")
    if scheme.lower() != b"basic":
        return "the Authorization header is not Basic"
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except binascii.Error:
        return "malformed Basic credentials: not base64"
    except UnicodeDecodeError:
        return "malformed Basic credentials: not UTF-8"
    username, colon, password = text.partition(":")
    return Credentials(username, password) if colon else "malformed Basic credentials: no colon"


_parse_cached = lru_cache(maxsize=256)(_parse)

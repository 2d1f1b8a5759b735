"""The Authorization header."""

import base64
import binascii
from functools import lru_cache

from ringback.domain.errors import no_credentials
from ringback.operations.accounts import Credentials

HEADER = b"authorization"
REMEMBERED_BYTES = 512
"""Longer fields are read anew each time: nobody's credentials are so long, and 256 of them would fill the memory."""


def credentials_of(headers: list[tuple[bytes, bytes]]) -> Credentials:
    """Return the HTTP Basic credentials of a request.

    Raises TwilioError 20003 where there are none, or none that can be read.
    """
    for name, value in headers:
        if name == HEADER:
            credentials = _remembered(value) if len(value) <= REMEMBERED_BYTES else _read(value)
            if isinstance(credentials, Credentials):
                return credentials
            raise no_credentials(credentials)
    raise no_credentials("no Authorization header")


def _read(header: bytes) -> Credentials | str:
    """Return the credentials in a header, or why they cannot be read."""
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


_remembered = lru_cache(maxsize=256)(_read)

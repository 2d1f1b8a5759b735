"""Caller IDs (verified numbers), and the rules for their names."""

import re
from typing import Literal, NamedTuple

from ringback.domain.sids import AccountSid, OutgoingCallerIdSid
from ringback.domain.timestamps import Timestamp

ValidationCodeFormat = Literal["string", "integer"]
"""The JSON type of a validation code: a string (``"012345"``), or an integer (``123456``) as on the product page."""

FRIENDLY_NAME_MAX_CHARACTERS = 64
"""Maximum length of a FriendlyName. Source: docs/fidelity.md, FriendlyName [page]."""

_NOT_XML_1_0 = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class OutgoingCallerId(NamedTuple):
    """A verified number of an account; `phone_number` is E.164.

    It is a named tuple for speed, because a page has up to 1,000 caller IDs.
    """

    sid: OutgoingCallerIdSid
    account_sid: AccountSid
    friendly_name: str
    phone_number: str
    date_created: Timestamp
    date_updated: Timestamp


def friendly_name_error(name: str) -> str | None:
    """Return the reason why a FriendlyName is not valid, or None.

    A name must have 1 to 64 code points, all valid in XML 1.0.
    """
    if not 1 <= len(name) <= FRIENDLY_NAME_MAX_CHARACTERS:
        return f"must have between 1 and {FRIENDLY_NAME_MAX_CHARACTERS} characters"
    if _NOT_XML_1_0.search(name):
        return "it contains a character that is not valid in XML"
    return None

"""Caller IDs (verified numbers), and the request to verify a number with its answer."""

import re
from dataclasses import dataclass
from typing import Literal, NamedTuple

from ringback.domain.sids import AccountSid, CallSid, OutgoingCallerIdSid
from ringback.domain.timestamps import Timestamp

ValidationCodeFormat = Literal["string", "integer"]
"""The JSON form of a validation code: ``"012345"``, or the product page's literal ``123456``."""

FRIENDLY_NAME_MAX_CHARACTERS = 64
"""Source: docs/fidelity.md, FriendlyName [page]."""

_NOT_XML_1_0 = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class OutgoingCallerId(NamedTuple):
    """A verified number of an account; `phone_number` is E.164.

    It is a tuple because a page has up to 1,000.
    """

    sid: OutgoingCallerIdSid
    account_sid: AccountSid
    friendly_name: str
    phone_number: str
    date_created: Timestamp
    date_updated: Timestamp


@dataclass(frozen=True, slots=True)
class ValidationRequest:
    """A client's request to verify a number; parameters that were not given are None."""

    phone_number: str
    friendly_name: str | None = None
    call_delay_seconds: int = 0
    extension: str | None = None
    status_callback: str | None = None
    status_callback_method: str = "POST"


@dataclass(frozen=True, slots=True)
class ValidationAnswer:
    """The answer to a validation request: the code to enter, and the call that will ask for it.

    `has_superseded` tells that the request ended another call to the number, whose StatusCallback is now pending.
    """

    account_sid: AccountSid
    phone_number: str
    friendly_name: str | None
    validation_code: str
    call_sid: CallSid
    has_superseded: bool = False


def friendly_name_error(name: str) -> str | None:
    """Return what is wrong with a FriendlyName, or None. It has 1 to 64 code points, all valid in XML 1.0."""
    if not 1 <= len(name) <= FRIENDLY_NAME_MAX_CHARACTERS:
        return f"between 1 and {FRIENDLY_NAME_MAX_CHARACTERS} characters"
    if _NOT_XML_1_0.search(name):
        return "it has a character that is not valid in XML"
    return None

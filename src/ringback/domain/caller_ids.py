"""Verified numbers, and the request to verify one."""

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
    """A number that its account may show as caller ID: `phone_number` is E.164. A tuple: there are 1,000 on a page."""

    sid: OutgoingCallerIdSid
    account_sid: AccountSid
    friendly_name: str
    phone_number: str
    date_created: Timestamp
    date_updated: Timestamp


@dataclass(frozen=True, slots=True)
class ValidationRequest:
    """What a client asks for; `friendly_name`, `extension` and `status_callback` are None when not given."""

    phone_number: str
    friendly_name: str | None = None
    call_delay_seconds: int = 0
    extension: str | None = None
    status_callback: str | None = None
    status_callback_method: str = "POST"


@dataclass(frozen=True, slots=True)
class ValidationAnswer:
    """What the client gets back at once: the code to key in, and the call that will ask for it.

    `has_superseded` tells that another call to the number was under way and has ended, so that its StatusCallback is
    owed at once.
    """

    account_sid: AccountSid
    phone_number: str
    friendly_name: str | None
    validation_code: str
    call_sid: CallSid
    has_superseded: bool = False


def friendly_name_error(name: str) -> str | None:
    """Say what is wrong with a FriendlyName, or None: 1 to 64 code points, all of which XML 1.0 can carry."""
    if not 1 <= len(name) <= FRIENDLY_NAME_MAX_CHARACTERS:
        return f"between 1 and {FRIENDLY_NAME_MAX_CHARACTERS} characters"
    if _NOT_XML_1_0.search(name):
        return "it holds a character that XML cannot carry"
    return None

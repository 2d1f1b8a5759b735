"""Incoming phone numbers (numbers that an account owns at Twilio), and the pattern that filters them."""

import re
from typing import NamedTuple

from ringback.domain.sids import AccountSid, IncomingPhoneNumberSid
from ringback.domain.timestamps import Timestamp

ORIGIN = "twilio"
"""The origin of every number. At Twilio, the origin can also be `hosted`. Source: docs/fidelity.md,
IncomingPhoneNumber [oai]."""

_NOT_IN_PATTERN = re.compile(r"[^0-9+*]")
_DIGIT = re.compile(r"[0-9*]")


class IncomingPhoneNumber(NamedTuple):
    """A number that an account owns at Twilio; `phone_number` is E.164."""

    sid: IncomingPhoneNumberSid
    account_sid: AccountSid
    friendly_name: str
    phone_number: str
    date_created: Timestamp
    date_updated: Timestamp


def number_pattern(text: str) -> str | None:
    """Return the SQL pattern for numbers that contain `text`, or None if `text` does not contain a digit.

    ``*`` stands for any digit. Characters other than digits, ``+`` and ``*`` are ignored. Source: docs/fidelity.md,
    IncomingPhoneNumber.
    """
    pattern = _NOT_IN_PATTERN.sub("", text)
    return f"%{pattern.replace('*', '_')}%" if _DIGIT.search(pattern) else None

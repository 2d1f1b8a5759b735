"""SIDs: two letters for the type of resource, followed by 32 lowercase hexadecimal digits."""

import re
from typing import NewType

AccountSid = NewType("AccountSid", str)
ApiKeySid = NewType("ApiKeySid", str)
OAuthAppSid = NewType("OAuthAppSid", str)
CallSid = NewType("CallSid", str)
IncomingPhoneNumberSid = NewType("IncomingPhoneNumberSid", str)
NotificationSid = NewType("NotificationSid", str)
OutgoingCallerIdSid = NewType("OutgoingCallerIdSid", str)

ACCOUNT = "AC"
API_KEY = "SK"
OAUTH_APP = "OQ"
CALL = "CA"
INCOMING_PHONE_NUMBER = "PN"
NOTIFICATION = "NO"
OUTGOING_CALLER_ID = "PN"
REQUEST = "RQ"

_HEX_DIGITS = re.compile(r"[0-9a-f]{32}")


def is_sid(prefix: str, text: str) -> bool:
    """Return whether `text` is a well-formed SID with this prefix."""
    return text.startswith(prefix) and _HEX_DIGITS.fullmatch(text, len(prefix)) is not None

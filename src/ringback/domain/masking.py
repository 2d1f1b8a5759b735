"""What is never shown: passwords that stand in URLs and headers."""

import re

MASKED = "***"
SECRET_HEADERS = frozenset({"authorization", "proxy-authorization"})

_USER_INFO = re.compile(r"(https?://)[^/?#]*@", re.IGNORECASE)


def without_user_info(text: str) -> str:
    """Return `text` with the user name and password of every URL in it masked."""
    return _USER_INFO.sub(rf"\1{MASKED}@", text) if "@" in text else text

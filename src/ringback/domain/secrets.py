"""What is never shown: passwords that stand in URLs and headers."""

import re

MASKED = "***"
SHORTEST_MASKED = len(f"http://{MASKED}@")
SECRET_HEADERS = frozenset({"authorization", "proxy-authorization"})

_USER_INFO = re.compile(r"(https?://)[^/?#]*@", re.ASCII | re.IGNORECASE)


def without_user_info(text: str, characters: int | None = None) -> str:
    """Return `text`, or its first `characters`, with the user name and password of every URL in it masked."""
    if "@" in text:
        shown_urls = 0 if characters is None else characters // SHORTEST_MASKED + 1  # what follows is not shown
        text = _USER_INFO.sub(rf"\1{MASKED}@", text, count=shown_urls)
    return text[:characters]

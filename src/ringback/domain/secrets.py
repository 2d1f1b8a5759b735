"""Secrets: comparison in constant time, and masking in URLs and headers."""

import hashlib
import hmac
import re
from collections.abc import Iterable
from itertools import repeat

SECRET_MAX_CHARACTERS = 64
"""Maximum length of an auth token, client secret or shared key."""
MASKED = "***"
SHORTEST_MASKED_URL = len(f"http://{MASKED}@")
SECRET_HEADERS = frozenset({"authorization", "proxy-authorization"})

_USER_INFO = re.compile(r"(https?://)[^/?#]*@", re.ASCII | re.IGNORECASE)


def is_same_secret(known: str, given: str) -> bool:
    """Compare two secrets in a time that does not reveal where they differ or how long the known secret is."""
    return hmac.compare_digest(_digest(known), _digest(given))


def is_one_of(known: Iterable[str], given: str) -> bool:
    """Return whether a secret is one of the known secrets. It is always compared with all of them."""
    return sum(map(is_same_secret, known, repeat(given))) > 0


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def mask_user_info(text: str, characters: int | None = None) -> str:
    """Return `text`, or its first `characters`, with the user name and password of every URL in it masked."""
    if "@" in text:
        shown_urls = 0 if characters is None else characters // SHORTEST_MASKED_URL + 1  # later URLs are cut off anyway
        text = _USER_INFO.sub(rf"\1{MASKED}@", text, count=shown_urls)
    return text[:characters]

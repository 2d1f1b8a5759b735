"""Comparing secrets."""

import hashlib
import hmac


def is_same_secret(known: str, given: str) -> bool:
    """Compare in a time that tells neither where two secrets differ nor how long the known one is."""
    return hmac.compare_digest(_digest(known), _digest(given))


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()

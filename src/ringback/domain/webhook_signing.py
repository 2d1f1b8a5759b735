"""Signing of StatusCallbacks with a shared key instead of the auth token.

Source: docs/fidelity.md, StatusCallback signature [documented].
"""

from enum import StrEnum
from typing import NamedTuple

SETTINGS_HEADER = "X-Twilio-Webhooks-Signature-Settings"
"""The header that names the key and the algorithm, sent in addition to X-Twilio-Signature."""

SHARED_KEY_SID = r"^[!-+\--~]{1,64}$"
"""Pattern of a shared key's name. It excludes commas, because a comma follows the name in a header."""


class SignatureAlgorithm(StrEnum):
    """A signature algorithm. The value is its name in the header."""

    HMAC_SHA1 = "HMAC_SHA1"
    HMAC_SHA256 = "HMAC_SHA256"

    @property
    def digest(self) -> str:
        """The name of the hash function in hashlib."""
        return self.removeprefix("HMAC_").lower()


class WebhookSigning(NamedTuple):
    """A shared key of an account, and the algorithm with which it signs StatusCallbacks."""

    key_sid: str
    secret: str
    algorithm: SignatureAlgorithm = SignatureAlgorithm.HMAC_SHA256

    @property
    def settings(self) -> str:
        """The value of the header that names the key and the algorithm."""
        return f"key={self.key_sid},algorithm={self.algorithm}"


def algorithm_of(settings: str) -> SignatureAlgorithm | None:
    """Return the algorithm that a settings header names, HMAC_SHA1 by default. Return None for an unknown algorithm."""
    for part in settings.split(","):
        name, _, value = part.partition("=")
        if name.strip() == "algorithm" and value.strip():
            try:
                return SignatureAlgorithm(value.strip().upper())
            except ValueError:
                return None
    return SignatureAlgorithm.HMAC_SHA1

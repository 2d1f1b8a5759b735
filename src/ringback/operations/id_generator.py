"""The generator of SIDs, validation codes, idempotency tokens, and the random numbers that trigger faults."""

import hashlib
import os
import random
import secrets
import string
import time
import uuid

from ringback.domain.caller_ids import ValidationCodeFormat
from ringback.domain.phones import CODE_DIGITS
from ringback.domain.sids import REQUEST

_SID_BITS = 128
_RANDOM_BITS_OF_SID = 64
_LETTERS_AND_DIGITS = string.ascii_letters + string.digits
_KEY_SECRET_CHARACTERS = 32
_URL_SAFE = f"{string.ascii_letters}{string.digits}-_"
_CLIENT_SECRET_CHARACTERS = 64
_FRACTION_BYTES = 6
"""Number of bytes in a random fraction. A float represents it exactly; a longer fraction could be rounded up to 1."""
_FIRST_CODE = {"string": 0, "integer": 10 ** (CODE_DIGITS - 1)}
"""The lowest code of each format. An integer has no leading zeros, so integer codes start at 100000."""


class IdGenerator:
    """Generates ids that cannot be guessed or, with a `seed`, the same ids in the same order each time.

    An unseeded SID starts with a time in nanoseconds, which is later than the time in the previous SID. New SIDs are
    therefore appended to the end of the index, so that a commit writes fewer pages (ADR 14).
    """

    def __init__(self, seed: int | None = None, code_format: ValidationCodeFormat = "string") -> None:
        self._random: random.Random = secrets.SystemRandom() if seed is None else random.Random(seed)  # noqa: S311
        self._seed = seed
        self._newest_sid_ns = 0
        self._first_code = _FIRST_CODE[code_format]

    def sid(self, prefix: str) -> str:
        """Return a new SID with this prefix."""
        if self._seed is not None:
            return f"{prefix}{self._random.getrandbits(_SID_BITS):032x}"
        self._newest_sid_ns = max(time.time_ns(), self._newest_sid_ns + 1)
        return f"{prefix}{self._newest_sid_ns << _RANDOM_BITS_OF_SID | secrets.randbits(_RANDOM_BITS_OF_SID):032x}"

    def validation_code(self) -> str:
        """Return a new code of six digits."""
        return f"{self._random.randrange(self._first_code, 10**CODE_DIGITS):0{CODE_DIGITS}d}"

    def secret(self) -> str:
        """Return a new auth token: 32 lowercase hexadecimal digits.

        Source: docs/fidelity.md, authentication [assumed].
        """
        return f"{self._random.getrandbits(_SID_BITS):032x}"

    def key_secret(self) -> str:
        """Return a new secret for an API key: 32 letters and digits.

        Source: docs/fidelity.md, authentication [assumed].
        """
        return "".join(self._random.choices(_LETTERS_AND_DIGITS, k=_KEY_SECRET_CHARACTERS))

    def client_secret(self) -> str:
        """Return a new client secret for an OAuth app: 64 letters, digits, hyphens and underscores.

        Source: docs/fidelity.md, OAuth [oai].
        """
        return "".join(self._random.choices(_URL_SAFE, k=_CLIENT_SECRET_CHARACTERS))

    def idempotency_token(self) -> str:
        """Return a random UUID."""
        return str(uuid.UUID(int=self._random.getrandbits(_SID_BITS), version=4))

    def random_fraction(self, index: int, trial: int) -> float:
        """Return a random number in [0, 1) for the `trial`-th trial of the fault with this `index` in its account.

        With a seed, the result depends only on these two arguments, and not on which other values were generated
        before.
        """
        if self._seed is None:
            return self._random.random()
        digest = hashlib.sha256(f"{self._seed} {index} {trial}".encode()).digest()
        return int.from_bytes(digest[:_FRACTION_BYTES], "big") / (1 << 8 * _FRACTION_BYTES)


def new_request_sid() -> str:
    """Return a new request SID. It ignores the seed, because tests do not repeat requests exactly."""
    return f"{REQUEST}{os.urandom(_SID_BITS // 8).hex()}"

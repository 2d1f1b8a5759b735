"""Where SIDs, validation codes, idempotency tokens and the luck of faults come from."""

import hashlib
import random
import secrets
import time
import uuid

from ringback.domain.caller_ids import ValidationCodeFormat
from ringback.domain.phones import CODE_DIGITS
from ringback.domain.sids import REQUEST

_SID_BITS = 128
_RANDOM_BITS_OF_SID = 64
_DRAW_BYTES = 6
"""A float holds so many bytes of a fraction exactly; of more it might make 1."""
_FIRST_CODE = {"string": 0, "integer": 10 ** (CODE_DIGITS - 1)}
"""An integer has no leading zero to lose, so those codes start at 100000."""


class IdGenerator:
    """Draws identifiers nobody can guess; with a `seed`, the same ones in the same order each time, for tests.

    A SID that is not seeded begins with the time in nanoseconds, and with more than that of any before: an index of
    SIDs grows at its end then, and a commit writes fewer pages, the larger the database the fewer (ADR 14).
    """

    def __init__(self, seed: int | None = None, code_format: ValidationCodeFormat = "string") -> None:
        self._random: random.Random = secrets.SystemRandom() if seed is None else random.Random(seed)  # noqa: S311
        self._seed = seed
        self._newest_sid_ns = 0
        self._first_code = _FIRST_CODE[code_format]

    def sid(self, prefix: str) -> str:
        """Return a new SID of the kind that `prefix` names."""
        if self._seed is not None:
            return f"{prefix}{self._random.getrandbits(_SID_BITS):032x}"
        self._newest_sid_ns = max(time.time_ns(), self._newest_sid_ns + 1)
        return f"{prefix}{self._newest_sid_ns << _RANDOM_BITS_OF_SID | secrets.randbits(_RANDOM_BITS_OF_SID):032x}"

    def validation_code(self) -> str:
        """Return six digits."""
        return f"{self._random.randrange(self._first_code, 10**CODE_DIGITS):0{CODE_DIGITS}d}"

    def secret(self) -> str:
        """Return an auth token, or the secret of an API key."""
        return f"{self._random.getrandbits(_SID_BITS):032x}"

    def idempotency_token(self) -> str:
        """Return a random UUID."""
        return str(uuid.UUID(int=self._random.getrandbits(_SID_BITS), version=4))

    def draw(self, place: int, chance: int) -> float:
        """Return a number from 0 up to 1, without 1, for the `chance`-th chance of the fault at a place of its list.

        With a seed it depends on these alone: whatever else is drawn, in whatever order, it is the same each time.
        """
        if self._seed is None:
            return self._random.random()
        digest = hashlib.sha256(f"{self._seed} {place} {chance}".encode()).digest()
        return int.from_bytes(digest[:_DRAW_BYTES], "big") / (1 << 8 * _DRAW_BYTES)


def new_request_sid() -> str:
    """Return the id of one request; never a seeded one, for requests are not part of what a test repeats."""
    return f"{REQUEST}{secrets.token_hex(_SID_BITS // 8)}"

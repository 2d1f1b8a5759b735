"""Where SIDs, validation codes and idempotency tokens come from."""

import random
import secrets
import uuid

from ringback.domain.caller_ids import ValidationCodeFormat
from ringback.domain.phones import CODE_DIGITS
from ringback.domain.sids import REQUEST

_SID_BITS = 128
_FIRST_CODE = {"string": 0, "integer": 10 ** (CODE_DIGITS - 1)}
"""An integer has no leading zero to lose, so those codes start at 100000."""


class Identifiers:
    """Draws identifiers nobody can guess; with a `seed`, the same ones in the same order each time, for tests."""

    def __init__(self, seed: int | None = None, code_format: ValidationCodeFormat = "string") -> None:
        self._random: random.Random = secrets.SystemRandom() if seed is None else random.Random(seed)  # noqa: S311
        self._first_code = _FIRST_CODE[code_format]

    def sid(self, prefix: str) -> str:
        """Return a new SID of the kind that `prefix` names."""
        return f"{prefix}{self._random.getrandbits(_SID_BITS):032x}"

    def validation_code(self) -> str:
        """Return six digits."""
        return f"{self._random.randrange(self._first_code, 10**CODE_DIGITS):0{CODE_DIGITS}d}"

    def secret(self) -> str:
        """Return an auth token, or the secret of an API key."""
        return f"{self._random.getrandbits(_SID_BITS):032x}"

    def idempotency_token(self) -> str:
        """Return a random UUID."""
        return str(uuid.UUID(int=self._random.getrandbits(_SID_BITS), version=4))


def new_request_sid() -> str:
    """Return the id of one request; never a seeded one, for requests are not part of what a test repeats."""
    return f"{REQUEST}{secrets.token_hex(_SID_BITS // 8)}"

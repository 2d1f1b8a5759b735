"""How patiently a StatusCallback is delivered, and how a URL's fragment changes that: ``#rc=2&rp=5xx,rt&tt=8000``.

Source: docs/fidelity.md, connection overrides [documented].
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qsl


class Failure(StrEnum):
    """The ways a delivery can fail, in the words of the ``rp`` override."""

    CONNECT = "ct"
    READ = "rt"
    CLIENT_ERROR = "4xx"
    SERVER_ERROR = "5xx"
    OTHER = "other"


RETRY_ALL = "all"
RETRIES_RANGE = (0, 5)
CONNECT_TIMEOUT_RANGE_MS = (100, 10_000)
READ_TIMEOUT_RANGE_MS = (100, 15_000)
TOTAL_TIMEOUT_RANGE_MS = (100, 15_000)

_NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """Timeouts in milliseconds, `total_timeout_ms` for all tries together; how often to retry, and after what."""

    connect_timeout_ms: int = 5_000
    read_timeout_ms: int = 15_000
    total_timeout_ms: int = 15_000
    retries: int = 1
    retry_on: frozenset[str] = frozenset({Failure.CONNECT})

    def retries_after(self, failure: Failure, attempts_made: int) -> bool:
        """Tell whether a delivery that failed so, in its `attempts_made`-th try, is tried again."""
        return attempts_made <= self.retries and bool(self.retry_on & {RETRY_ALL, failure})


def delivery_policy(fragment: str, default: DeliveryPolicy) -> DeliveryPolicy:
    """Return `default` as a URL's fragment overrides it; numbers are brought into range, nonsense is ignored."""
    overrides = dict(parse_qsl(fragment))
    wanted = frozenset(overrides.get("rp", "").lower().split(","))
    known = wanted & {RETRY_ALL, *(failure.value for failure in Failure if failure != Failure.OTHER)}
    return DeliveryPolicy(
        _number(overrides, "ct", CONNECT_TIMEOUT_RANGE_MS, default.connect_timeout_ms),
        _number(overrides, "rt", READ_TIMEOUT_RANGE_MS, default.read_timeout_ms),
        _number(overrides, "tt", TOTAL_TIMEOUT_RANGE_MS, default.total_timeout_ms),
        _number(overrides, "rc", RETRIES_RANGE, default.retries),
        known or default.retry_on,
    )


def _number(overrides: dict[str, str], name: str, allowed: tuple[int, int], default: int) -> int:
    text = overrides.get(name, "")
    if not _NUMBER.fullmatch(text):
        return default
    low, high = allowed
    return min(max(int(text), low), high)

"""Timeouts and retries of StatusCallbacks, and their overrides in a URL's fragment: ``#rc=2&rp=5xx,rt&tt=8000``.

Source: docs/fidelity.md, connection overrides [documented].
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qsl


class Failure(StrEnum):
    """The reason why an attempt failed. All values except ``other`` are values of the ``rp`` override."""

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
    """Timeouts in milliseconds, the number of retries, and the failures that are retried.

    `total_timeout_ms` covers all attempts.
    """

    connect_timeout_ms: int = 5_000
    read_timeout_ms: int = 15_000
    total_timeout_ms: int = 15_000
    retries: int = 1
    retry_on: frozenset[str] = frozenset({Failure.CONNECT})

    def retries_after(self, failure: Failure, attempts_made: int) -> bool:
        """Return whether to retry a delivery after its `attempts_made`-th attempt has failed."""
        return attempts_made <= self.retries and bool(self.retry_on & {RETRY_ALL, failure})


def delivery_policy(fragment: str, default: DeliveryPolicy) -> DeliveryPolicy:
    """Return `default` with the overrides in the fragment of a URL.

    Numbers are clamped to their valid ranges. Invalid values are ignored.
    """
    overrides = dict(parse_qsl(fragment))
    reasons = frozenset(overrides.get("rp", "").lower().split(","))
    valid = reasons & {RETRY_ALL, *(failure.value for failure in Failure if failure != Failure.OTHER)}
    return DeliveryPolicy(
        _number(overrides, "ct", CONNECT_TIMEOUT_RANGE_MS, default.connect_timeout_ms),
        _number(overrides, "rt", READ_TIMEOUT_RANGE_MS, default.read_timeout_ms),
        _number(overrides, "tt", TOTAL_TIMEOUT_RANGE_MS, default.total_timeout_ms),
        _number(overrides, "rc", RETRIES_RANGE, default.retries),
        valid or default.retry_on,
    )


def _number(overrides: dict[str, str], name: str, limits: tuple[int, int], default: int) -> int:
    text = overrides.get(name, "")
    if not _NUMBER.fullmatch(text):
        return default
    low, high = limits
    return min(max(int(text), low), high)

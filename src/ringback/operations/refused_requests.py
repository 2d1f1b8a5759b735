"""Refused requests, to Twilio resources or hosts that ringback does not emulate. They are kept in memory and logged."""

from collections import deque
from collections.abc import Callable
from itertools import count
from typing import NamedTuple
from urllib.parse import quote

import structlog

from ringback.domain.timestamps import Timestamp

KEPT_REFUSALS = 1_000
KEPT_CHARACTERS = 1_000
"""Maximum length of a path or message."""
PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
MAX_HOST_CHARACTERS = 253
"""Maximum length of a host name. A longer name is truncated at its start, because Twilio's domain is at the end."""

log = structlog.get_logger()


def printable_host(host: str) -> str:
    """Return the requested host as it is listed and logged: printable, truncated, and without user info."""
    return quote(host.rpartition("@")[2][-MAX_HOST_CHARACTERS:], safe=PRINTABLE)


class RefusedRequest(NamedTuple):
    """A refused request. Later requests have higher ids; `at` is the system time."""

    id: int
    at: Timestamp
    host: str
    method: str
    path: str
    message: str


class RefusedRequests:
    """The newest refused requests of this process. `now` returns the system time."""

    def __init__(self, now: Callable[[], Timestamp]) -> None:
        self._now = now
        self._ids = count(1)
        self._kept: deque[RefusedRequest] = deque(maxlen=KEPT_REFUSALS)

    def add(self, *, host: str, method: str, path: str, message: str) -> None:
        """Store a refused request, and log it."""
        refused = RefusedRequest(
            next(self._ids), self._now(), host, method, path[:KEPT_CHARACTERS], message[:KEPT_CHARACTERS]
        )
        self._kept.append(refused)
        log.warning("request refused", host=host, method=method, path=refused.path, reason=refused.message)

    def newest(self, limit: int, after: int = 0) -> list[RefusedRequest]:
        """Return at most `limit` requests with ids above `after`, newest first."""
        return [refused for refused in reversed(self._kept) if refused.id > after][:limit]

    def clear(self) -> None:
        """Delete all requests. Their ids are not reused."""
        self._kept.clear()

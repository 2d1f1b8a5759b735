"""What was refused for being Twilio's but not emulated: the newest of it, in memory, and a line each in the log."""

from collections import deque
from collections.abc import Callable
from itertools import count
from typing import NamedTuple
from urllib.parse import quote

import structlog

from ringback.domain.timestamps import Timestamp

KEPT_REFUSALS = 1_000
KEPT_CHARACTERS = 1_000
"""How much of a path, and of a message, is kept."""
PRINTED = "".join(map(chr, range(0x21, 0x7F)))
LONGEST_HOST = 253
"""A name has no more; of a longer one the end is shown, which made it Twilio's."""

log = structlog.get_logger()


def printable_host(host: str) -> str:
    """Return what a client gave as a host as it may be listed and logged: in print, not long, without userinfo."""
    return quote(host.rpartition("@")[2][-LONGEST_HOST:], safe=PRINTED)


class RefusedRequest(NamedTuple):
    """A request that was not answered as Twilio would: later ones have higher ids, `at` is the machine's time."""

    id: int
    at: Timestamp
    host: str
    method: str
    path: str
    message: str


class RefusedRequests:
    """The newest refused requests of this process; they are forgotten with it. `now` is the machine's time."""

    def __init__(self, now: Callable[[], Timestamp]) -> None:
        self._now = now
        self._ids = count(1)
        self._kept: deque[RefusedRequest] = deque(maxlen=KEPT_REFUSALS)

    def add(self, *, host: str, method: str, path: str, message: str) -> None:
        """List a refused request, and log it."""
        refused = RefusedRequest(
            next(self._ids), self._now(), host, method, path[:KEPT_CHARACTERS], message[:KEPT_CHARACTERS]
        )
        self._kept.append(refused)
        log.warning("refused", host=host, method=method, path=refused.path, reason=refused.message)

    def newest(self, limit: int, after: int = 0) -> list[RefusedRequest]:
        """Return the newest, at most `limit`, newest first, of those whose id is higher than `after`."""
        return [refused for refused in reversed(self._kept) if refused.id > after][:limit]

    def clear(self) -> None:
        """Forget them; ids are not used again."""
        self._kept.clear()

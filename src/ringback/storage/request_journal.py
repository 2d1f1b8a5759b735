"""In-memory request journal: requests are queued until they are written, so that no response waits for the database."""

import threading
from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from ringback.domain.request_journal import AnsweredRequest
from ringback.domain.sids import AccountSid

KEPT_REQUESTS = 1_000
"""Maximum number of requests that are kept for each account."""
MAX_ACCOUNTS = 1_000
"""Maximum number of accounts with unwritten requests. Above it, the unwritten requests of the account that has been
idle longest are dropped."""
NO_OPERATIONS: Mapping[AccountSid, Iterable[str]] = MappingProxyType({})


class RequestJournal:
    """The newest KEPT_REQUESTS unwritten requests of each account, and the operations that requests have used."""

    def __init__(self) -> None:
        self.writing = threading.Lock()
        """Held while requests are removed from the queue and written, so that they are written in order."""
        self._lock = threading.Lock()
        self._unwritten: OrderedDict[AccountSid, deque[AnsweredRequest]] = OrderedDict()
        self._used_operations: defaultdict[AccountSid, set[str]] = defaultdict(set)

    def __bool__(self) -> bool:
        return bool(self._unwritten)

    def add(self, request: AnsweredRequest, *, is_routed: bool = True) -> None:
        """Add a request. If `is_routed`, record its operation as used, regardless of the response."""
        with self._lock:
            requests = self._unwritten.get(request.account_sid)
            if requests is None:
                requests = self._unwritten[request.account_sid] = deque(maxlen=KEPT_REQUESTS)
                if len(self._unwritten) > MAX_ACCOUNTS:
                    dropped_sid, _ = self._unwritten.popitem(last=False)
                    self._used_operations.pop(dropped_sid, None)
            else:
                self._unwritten.move_to_end(request.account_sid)
            requests.append(request)
            if is_routed and request.operation:
                self._used_operations[request.account_sid].add(request.operation)

    def shares(self, limit: int) -> dict[AccountSid, int]:
        """Return the number of requests to write next for each account, at most `limit` in total.

        The account that has been idle longest is first.
        """
        shares: dict[AccountSid, int] = {}
        with self._lock:
            for account_sid, requests in self._unwritten.items():
                if limit <= 0:
                    break
                shares[account_sid] = min(limit, len(requests))
                limit -= shares[account_sid]
        return shares

    def put_back(
        self,
        taken: Mapping[AccountSid, Sequence[AnsweredRequest]],
        used_operations: Mapping[AccountSid, Iterable[str]] = NO_OPERATIONS,
    ) -> None:
        """Put back requests and operations that could not be written.

        If an account then has more than KEPT_REQUESTS requests, the oldest requests are dropped.
        """
        with self._lock:
            for account_sid, requests in taken.items():
                if not requests:
                    continue
                later = self._unwritten.get(account_sid, ())
                self._unwritten[account_sid] = deque((*requests, *later), maxlen=KEPT_REQUESTS)
            for account_sid, operations in used_operations.items():
                self._used_operations[account_sid].update(operations)

    def take_account(self, account_sid: AccountSid, limit: int = KEPT_REQUESTS) -> list[AnsweredRequest]:
        """Remove and return at most `limit` of an account's requests, oldest first."""
        with self._lock:
            requests = self._unwritten.get(account_sid, deque[AnsweredRequest]())
            taken = [requests.popleft() for _ in range(min(limit, len(requests)))]
            if not requests:
                self._unwritten.pop(account_sid, None)
            return taken

    def take_used_operations(self, account_sid: AccountSid) -> set[str]:
        """Remove and return the operations that an account's requests have used since the last call."""
        with self._lock:
            return self._used_operations.pop(account_sid, set())

    def take_all(self) -> dict[AccountSid, list[AnsweredRequest]]:
        """Remove and return all requests by account, oldest first in each account."""
        with self._lock:
            taken = {account_sid: [*requests] for account_sid, requests in self._unwritten.items()}
            self._unwritten.clear()
            return taken

    def take_all_used_operations(self) -> dict[AccountSid, set[str]]:
        """Remove and return the used operations of all accounts."""
        with self._lock:
            taken, self._used_operations = self._used_operations, defaultdict(set)
            return taken

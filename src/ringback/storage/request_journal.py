"""The requests answered of late, in memory: no request waits for its own journal to be written."""

import threading
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence

from ringback.domain.request_journal import AnsweredRequest
from ringback.domain.sids import AccountSid

KEPT_REQUESTS = 1_000
"""How many requests an account keeps."""
MAX_ACCOUNTS = 1_000
"""How many accounts' requests wait to be written; beyond, those of the account asked longest ago are let go."""


class RequestJournal:
    """What is still to be written, the newest KEPT_REQUESTS an account."""

    def __init__(self) -> None:
        self.writing = threading.Lock()
        """Held by whoever takes requests out, till they are written: so they are in the order in which they came."""
        self._looking = threading.Lock()
        self._unwritten: OrderedDict[AccountSid, deque[AnsweredRequest]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._unwritten)

    def add(self, request: AnsweredRequest) -> None:
        """Note a request; costs next to nothing."""
        with self._looking:
            requests = self._unwritten.get(request.account_sid)
            if requests is None:
                requests = self._unwritten[request.account_sid] = deque(maxlen=KEPT_REQUESTS)
                if len(self._unwritten) > MAX_ACCOUNTS:
                    self._unwritten.popitem(last=False)
            else:
                self._unwritten.move_to_end(request.account_sid)
            requests.append(request)

    def take(self, limit: int) -> dict[AccountSid, list[AnsweredRequest]]:
        """Take out some requests, account by account, each account's oldest first."""
        taken: dict[AccountSid, list[AnsweredRequest]] = {}
        with self._looking:
            while limit > 0 and self._unwritten:
                account_sid, requests = next(iter(self._unwritten.items()))
                taken[account_sid] = [requests.popleft() for _ in range(min(limit, len(requests)))]
                limit -= len(taken[account_sid])
                if not requests:
                    del self._unwritten[account_sid]
        return taken

    def put_back(self, taken: Mapping[AccountSid, Sequence[AnsweredRequest]]) -> None:
        """Put requests back that could not be written; the oldest are let go where there are too many."""
        with self._looking:
            for account_sid, requests in taken.items():
                later = self._unwritten.get(account_sid, ())
                self._unwritten[account_sid] = deque((*requests, *later), maxlen=KEPT_REQUESTS)

    def take_account(self, account_sid: AccountSid, limit: int = KEPT_REQUESTS) -> list[AnsweredRequest]:
        """Take out at most `limit` of an account's requests, the oldest first."""
        with self._looking:
            requests = self._unwritten.get(account_sid, deque[AnsweredRequest]())
            taken = [requests.popleft() for _ in range(min(limit, len(requests)))]
            if not requests:
                self._unwritten.pop(account_sid, None)
            return taken

    def clear(self) -> None:
        """Let all of them go."""
        with self._looking:
            self._unwritten.clear()

"""Resources of the contract tests: the seed file's accounts, and caller IDs created in batches."""

from dataclasses import dataclass

from support.wire.api import Api, CallerId, draw_number, drawn_numbers, records

LISTED_NUMBERS = 120
POOL_BATCH = 100


@dataclass(frozen=True)
class SeededAccounts:
    """A client for each account of the seed file."""

    parent: Api
    sub: Api
    suspended_sub: Api
    stranger: Api
    empty: Api
    suspended: Api
    closed: Api
    trial: Api
    truncating: Api


class CallerIdPool:
    """Caller IDs for tests that change or delete them. Verifying a batch takes as long as verifying one."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._unused: list[CallerId] = []

    def take(self) -> CallerId:
        if not self._unused:
            self._unused += self._api.verify(*(draw_number() for _ in range(POOL_BATCH)))
        return self._unused.pop()


@dataclass(frozen=True)
class ListedCallerIds:
    """Caller IDs that share a FriendlyName and are never changed. `rows` are in no particular order."""

    friendly_name: str
    rows: list[CallerId]

    @property
    def sids(self) -> set[str]:
        return {row["sid"] for row in self.rows}


def delete_drawn_numbers(api: Api) -> None:
    """Delete the caller IDs that these tests have created on a server that keeps running."""
    for page in list(api.pages(api.list(PageSize=1000))):
        for row in records(page):
            if row["phone_number"] in drawn_numbers:
                api.delete(row)

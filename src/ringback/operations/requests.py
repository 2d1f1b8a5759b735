"""Write the request journal in batches after the responses, and read it."""

from collections.abc import Iterable, Mapping
from functools import partial

from ringback.domain.paging import AFTER_ALL_IDS
from ringback.domain.permissions import PERMISSIONS
from ringback.domain.request_journal import AnsweredRequest, JournaledRequest, mask_username
from ringback.domain.sids import AccountSid
from ringback.storage.request_journal import KEPT_REQUESTS
from ringback.storage.stepwise import Steps, in_steps
from ringback.storage.unit_of_work import UnitOfWork

WRITE_BATCH_REQUESTS = 25
"""Maximum number of requests that one transaction writes, because other requests wait for it."""


class RequestsDropped(Exception):
    """Requests that cannot be stored were dropped from the journal; the message says why."""


def newest_requests(
    unit_of_work: UnitOfWork, account_sid: AccountSid, *, limit: int, before_id: int = AFTER_ALL_IDS
) -> list[JournaledRequest]:
    """Return the account's stored requests with ids below `before_id`, newest first."""
    return unit_of_work.requests.newest(account_sid, before_id=before_id, limit=limit)


def used_permissions(unit_of_work: UnitOfWork, account_sid: AccountSid) -> list[str]:
    """Return the permissions that the account's stored requests have required, sorted by name."""
    operations = unit_of_work.requests.used_operations(account_sid)
    return sorted(permission for operation, permission in PERMISSIONS.items() if operation in operations)


def write_requests_of(unit_of_work: UnitOfWork, account_sid: AccountSid) -> bool:
    """Write a batch of an account's requests that are not stored yet. Return True if there may be more."""
    with unit_of_work.requests.journal.writing:
        return bool(_write(unit_of_work, {account_sid: WRITE_BATCH_REQUESTS}))


def write_requests(unit_of_work: UnitOfWork, *, limit: int) -> bool:
    """Write at most `limit` requests that are not stored yet. Return True if there are more."""
    journal = unit_of_work.requests.journal
    if journal:
        with journal.writing:
            _write(unit_of_work, journal.shares(limit))
    return bool(journal)


@in_steps
def write_all_requests(unit_of_work: UnitOfWork) -> Steps[None]:
    """Write all requests that are not stored yet."""
    while write_requests(unit_of_work, limit=WRITE_BATCH_REQUESTS):
        yield


def discard_requests(unit_of_work: UnitOfWork, account_sid: AccountSid) -> None:
    """Discard an account's requests that are not stored yet. Lock the account first. A rollback restores them."""
    journal = unit_of_work.requests.journal
    requests, operations = journal.take_account(account_sid), journal.take_used_operations(account_sid)
    unit_of_work.when_rolled_back(partial(journal.put_back, {account_sid: requests}, {account_sid: operations}))
    unit_of_work.when_committed(journal.take_account, account_sid)
    unit_of_work.when_committed(journal.take_used_operations, account_sid)


def discard_all_requests(unit_of_work: UnitOfWork) -> None:
    """Discard all requests that are not stored yet. Lock all accounts first. A rollback restores the requests."""
    journal = unit_of_work.requests.journal
    unit_of_work.when_rolled_back(partial(journal.put_back, journal.take_all(), journal.take_all_used_operations()))
    unit_of_work.when_committed(journal.take_all)
    unit_of_work.when_committed(journal.take_all_used_operations)


def _write(unit_of_work: UnitOfWork, shares: Mapping[AccountSid, int]) -> int:
    """Write each account's share of requests, and return their number. A rollback puts the requests back.

    Each account is locked before its requests are removed from the journal, because a reset that holds the lock
    discards them. Requests of deleted accounts are dropped. Requests that can never be stored are dropped too, because
    they would block all later requests; then RequestsDropped is raised.
    """
    journal = unit_of_work.requests.journal
    taken: dict[AccountSid, list[AnsweredRequest]] = {}
    used_operations: dict[AccountSid, set[str]] = {}
    try:
        with unit_of_work:
            for account_sid in sorted(shares):
                account = unit_of_work.accounts.lock_shared(account_sid)
                requests = taken[account_sid] = journal.take_account(account_sid, shares[account_sid])
                operations = used_operations[account_sid] = journal.take_used_operations(account_sid)
                if account and requests:
                    _write_of_account(unit_of_work, account_sid, requests)
                    _write_used_operations(unit_of_work, account_sid, operations)
    except BaseException as error:
        if isinstance(error, (*unit_of_work.data_errors, ValueError, TypeError)):
            raise RequestsDropped(str(error)) from error
        journal.put_back(taken, used_operations)
        raise
    return sum(map(len, taken.values()))


def _write_of_account(unit_of_work: UnitOfWork, account_sid: AccountSid, requests: list[AnsweredRequest]) -> None:
    for request in requests:
        unit_of_work.requests.add(request._replace(username=mask_username(request.username)))
    unit_of_work.requests.prune(account_sid, kept=KEPT_REQUESTS)


def _write_used_operations(unit_of_work: UnitOfWork, account_sid: AccountSid, operations: Iterable[str]) -> None:
    for operation in sorted(operations):  # in an order that is the same everywhere, so that replicas do not deadlock
        unit_of_work.requests.add_used_operation(account_sid, operation)

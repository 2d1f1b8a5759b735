"""Write the request journal in batches after the responses, and read it."""

from collections.abc import Mapping

from ringback.domain.paging import AFTER_ALL_IDS
from ringback.domain.request_journal import AnsweredRequest, JournaledRequest, mask_username
from ringback.domain.sids import AccountSid
from ringback.storage.request_journal import KEPT_REQUESTS
from ringback.storage.stepwise import Steps, in_steps
from ringback.storage.unit_of_work import UnitOfWork

WRITE_BATCH_REQUESTS = 25
"""Maximum number of requests that one transaction writes: other requests wait for it."""


class RequestsDropped(Exception):
    """Requests that cannot be stored were dropped from the journal; the message says why."""


def newest_requests(
    unit_of_work: UnitOfWork, account_sid: AccountSid, *, limit: int, before_id: int = AFTER_ALL_IDS
) -> list[JournaledRequest]:
    """Return the account's stored requests with ids below `before_id`, newest first."""
    return unit_of_work.requests.newest(account_sid, before_id=before_id, limit=limit)


def write_requests_of(unit_of_work: UnitOfWork, account_sid: AccountSid) -> bool:
    """Write some of an account's requests that are not stored yet; return True if there may be more."""
    journal = unit_of_work.requests.journal
    with journal.writing:
        taken = journal.take_account(account_sid, WRITE_BATCH_REQUESTS)
        _write(unit_of_work, {account_sid: taken})
    return bool(taken)


def write_requests(unit_of_work: UnitOfWork, *, limit: int) -> bool:
    """Write some requests that are not stored yet; return True if there are more."""
    journal = unit_of_work.requests.journal
    if journal:
        with journal.writing:
            _write(unit_of_work, journal.take(limit))
    return bool(journal)


@in_steps
def write_all_requests(unit_of_work: UnitOfWork) -> Steps[None]:
    """Write all requests that are not stored yet."""
    while write_requests(unit_of_work, limit=WRITE_BATCH_REQUESTS):
        yield


def _write(unit_of_work: UnitOfWork, taken: Mapping[AccountSid, list[AnsweredRequest]]) -> None:
    """Write accounts' requests, except those of deleted accounts. If the database fails, put all back.

    Raises RequestsDropped if they can never be stored, because they would block all later ones.
    """
    try:
        with unit_of_work:
            for account_sid in sorted(taken):
                if taken[account_sid] and unit_of_work.accounts.lock_shared(account_sid):
                    _write_of_account(unit_of_work, account_sid, taken[account_sid])
    except BaseException as error:
        if isinstance(error, (*unit_of_work.data_errors, ValueError, TypeError)):
            raise RequestsDropped(str(error)) from error
        unit_of_work.requests.journal.put_back(taken)
        raise


def _write_of_account(unit_of_work: UnitOfWork, account_sid: AccountSid, requests: list[AnsweredRequest]) -> None:
    for request in requests:
        unit_of_work.requests.add(request._replace(username=mask_username(request.username)))
    unit_of_work.requests.prune(account_sid, kept=KEPT_REQUESTS)

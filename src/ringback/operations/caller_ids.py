"""The caller IDs of an account: list, fetch, rename, delete."""

from dataclasses import replace

from ringback.domain.caller_ids import OutgoingCallerId
from ringback.domain.events import EventType, caller_id_event
from ringback.domain.instants import Instant
from ringback.domain.paging import Page, PageRequest
from ringback.domain.phone_numbers import to_e164
from ringback.domain.sids import AccountSid
from ringback.storage.unit_of_work import UnitOfWork


def list_outgoing_caller_ids(
    unit_of_work: UnitOfWork,
    account_sid: AccountSid,
    request: PageRequest,
    *,
    phone_number: str | None = None,
    friendly_name: str | None = None,
) -> Page[OutgoingCallerId]:
    """Return one page, newest first; the filters match exactly, a number in whatever form it is written.

    A `phone_number` that is none matches nothing.
    """
    filters = {}
    if phone_number is not None:
        e164 = to_e164(phone_number, None)
        if e164 is None:
            return Page(request, [], None, None)
        filters["phone_number"] = e164
    if friendly_name is not None:
        filters["friendly_name"] = friendly_name
    return unit_of_work.caller_ids.page(account_sid, filters, request)


def fetch_outgoing_caller_id(unit_of_work: UnitOfWork, account_sid: AccountSid, sid: str) -> OutgoingCallerId | None:
    """Return a caller ID of this account, or None: another account's is none."""
    return unit_of_work.caller_ids.find(account_sid, sid)


def update_outgoing_caller_id(
    unit_of_work: UnitOfWork, account_sid: AccountSid, sid: str, friendly_name: str | None, *, now: Instant
) -> OutgoingCallerId | None:
    """Rename a caller ID and return it as it is now, or None where there is none.

    Without a `friendly_name` nothing changes, not even the date it was updated.
    """
    with unit_of_work:
        known = unit_of_work.caller_ids.find(account_sid, sid)
        if known is None or friendly_name is None:
            return known
        renamed = replace(known, friendly_name=friendly_name, date_updated=max(now, known.date_updated))
        unit_of_work.caller_ids.rename(renamed)
        unit_of_work.events.add(caller_id_event(renamed, EventType.CALLER_ID_UPDATED, now))
        return renamed


def delete_outgoing_caller_id(unit_of_work: UnitOfWork, account_sid: AccountSid, sid: str, *, now: Instant) -> bool:
    """Delete a caller ID of this account; False where there is none."""
    with unit_of_work:
        known = unit_of_work.caller_ids.find(account_sid, sid)
        if known is None:
            return False
        unit_of_work.events.add(caller_id_event(known, EventType.CALLER_ID_DELETED, now))
        return unit_of_work.caller_ids.delete(account_sid, sid)

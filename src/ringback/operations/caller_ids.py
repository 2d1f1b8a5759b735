"""Create, list, fetch, rename and delete an account's caller IDs."""

from ringback.domain.caller_ids import OutgoingCallerId
from ringback.domain.events import EventType, caller_id_event
from ringback.domain.paging import Page, PageRequest
from ringback.domain.phone_numbers import default_friendly_name, to_e164
from ringback.domain.sids import OUTGOING_CALLER_ID, AccountSid, OutgoingCallerIdSid
from ringback.domain.timestamps import Timestamp
from ringback.operations.accounts import lock_account_time
from ringback.operations.id_generator import IdGenerator
from ringback.storage.unit_of_work import UnitOfWork


class AlreadyVerified(Exception):
    """The account already has this number as a caller ID; nothing was changed."""

    def __init__(self, caller_id: OutgoingCallerId) -> None:
        super().__init__(f"{caller_id.phone_number} is already verified")
        self.caller_id = caller_id


def add_caller_id(
    unit_of_work: UnitOfWork,
    account_sid: AccountSid,
    phone_number: str,
    friendly_name: str | None,
    *,
    created: Timestamp,
    id_generator: IdGenerator,
) -> tuple[OutgoingCallerId, bool]:
    """Add a caller ID in the current transaction, without an event. Return the caller ID and True.

    If `friendly_name` is None, the caller ID gets Twilio's default name. If the account already has a caller ID for the
    number, return that caller ID and False.
    """
    name = friendly_name or default_friendly_name(phone_number)
    while True:
        known = unit_of_work.caller_ids.find_by_number(account_sid, phone_number)
        if known:
            return known, False
        sid = OutgoingCallerIdSid(id_generator.sid(OUTGOING_CALLER_ID))
        caller_id = OutgoingCallerId(sid, account_sid, name, phone_number, created, created)
        if unit_of_work.caller_ids.add(caller_id):
            return caller_id, True


def create_caller_id_without_call(
    unit_of_work: UnitOfWork,
    account_sid: AccountSid,
    phone_number: str,
    friendly_name: str | None,
    *,
    created: Timestamp | None,
    system_now: Timestamp,
    id_generator: IdGenerator,
) -> OutgoingCallerId | None:
    """Create and return a caller ID without a validation call. Return None if the account was deleted.

    `created` defaults to the account's time. Raises AlreadyVerified.
    """
    with unit_of_work:
        account = unit_of_work.accounts.lock_shared(account_sid)
        if account is None:
            return None
        account_now = account.clock.now(system_now)
        created = account_now if created is None else created
        caller_id, is_new = add_caller_id(
            unit_of_work, account_sid, phone_number, friendly_name, created=created, id_generator=id_generator
        )
        if not is_new:
            raise AlreadyVerified(caller_id)
        unit_of_work.events.add(caller_id_event(caller_id, EventType.CALLER_ID_CREATED, account_now))
        return caller_id


def list_outgoing_caller_ids(
    unit_of_work: UnitOfWork,
    account_sid: AccountSid,
    request: PageRequest,
    *,
    phone_number: str | None = None,
    friendly_name: str | None = None,
) -> Page[OutgoingCallerId]:
    """Return one page of an account's caller IDs, newest first.

    `phone_number` may be written in any form; an invalid number matches nothing. `friendly_name` must match exactly.
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
    """Return a caller ID, or None if this account does not have it."""
    return unit_of_work.caller_ids.find(account_sid, sid)


def update_outgoing_caller_id(
    unit_of_work: UnitOfWork, account_sid: AccountSid, sid: str, friendly_name: str | None, *, system_now: Timestamp
) -> OutgoingCallerId | None:
    """Rename a caller ID and return it, or None if it does not exist.

    If `friendly_name` is None, nothing changes, not even `date_updated`.
    """
    with unit_of_work:
        if friendly_name is None:
            return unit_of_work.caller_ids.find(account_sid, sid)
        account_now = lock_account_time(unit_of_work, account_sid, system_now).account_now
        known = unit_of_work.caller_ids.lock_for_update(account_sid, sid)
        if known is None:
            return None
        renamed = known._replace(friendly_name=friendly_name, date_updated=max(account_now, known.date_updated))
        unit_of_work.caller_ids.rename(renamed)
        unit_of_work.events.add(caller_id_event(renamed, EventType.CALLER_ID_UPDATED, account_now))
        return renamed


def delete_outgoing_caller_id(
    unit_of_work: UnitOfWork, account_sid: AccountSid, sid: str, *, system_now: Timestamp
) -> bool:
    """Delete a caller ID of this account; return False if it does not exist."""
    with unit_of_work:
        account_now = lock_account_time(unit_of_work, account_sid, system_now).account_now
        known = unit_of_work.caller_ids.lock_for_update(account_sid, sid)
        if known is None:
            return False
        unit_of_work.events.add(caller_id_event(known, EventType.CALLER_ID_DELETED, account_now))
        return unit_of_work.caller_ids.delete(account_sid, sid)

"""Add, list, fetch and delete the numbers that an account owns at Twilio. The Twilio API only reads them."""

from ringback.domain.incoming_phone_numbers import IncomingPhoneNumber, number_pattern
from ringback.domain.paging import Page, PageRequest
from ringback.domain.phone_numbers import default_friendly_name
from ringback.domain.sids import INCOMING_PHONE_NUMBER, AccountSid, IncomingPhoneNumberSid
from ringback.domain.timestamps import Timestamp
from ringback.operations.id_generator import IdGenerator
from ringback.storage.incoming_phone_number_repository import IncomingPhoneNumberRepository
from ringback.storage.unit_of_work import UnitOfWork


class AlreadyOwned(Exception):
    """The account already owns this number; nothing was changed."""

    def __init__(self, number: IncomingPhoneNumber) -> None:
        super().__init__(f"{number.phone_number} already belongs to the account")
        self.number = number


def add_number(
    unit_of_work: UnitOfWork,
    account_sid: AccountSid,
    phone_number: str,
    friendly_name: str | None,
    *,
    created: Timestamp,
    id_generator: IdGenerator,
) -> tuple[IncomingPhoneNumber, bool]:
    """Add a number in the current transaction. Return the number and True.

    If `friendly_name` is None, the number gets Twilio's default name. If the account already owns the number, return
    the existing resource and False.
    """
    numbers = IncomingPhoneNumberRepository(unit_of_work)
    name = friendly_name or default_friendly_name(phone_number)
    while True:
        known = numbers.find_by_number(account_sid, phone_number)
        if known:
            return known, False
        sid = IncomingPhoneNumberSid(id_generator.sid(INCOMING_PHONE_NUMBER))
        number = IncomingPhoneNumber(sid, account_sid, name, phone_number, created, created)
        if numbers.add(number):
            return number, True


def create_incoming_phone_number(
    unit_of_work: UnitOfWork,
    account_sid: AccountSid,
    phone_number: str,
    friendly_name: str | None,
    *,
    created: Timestamp | None,
    system_now: Timestamp,
    id_generator: IdGenerator,
) -> IncomingPhoneNumber | None:
    """Add a number to an account, and return the number. Return None if the account was deleted.

    `created` defaults to the account's time. Raises AlreadyOwned.
    """
    with unit_of_work:
        account = unit_of_work.accounts.lock_shared(account_sid)
        if account is None:
            return None
        created = account.clock.now(system_now) if created is None else created
        number, is_new = add_number(
            unit_of_work, account_sid, phone_number, friendly_name, created=created, id_generator=id_generator
        )
        if not is_new:
            raise AlreadyOwned(number)
        return number


def list_incoming_phone_numbers(
    unit_of_work: UnitOfWork,
    account_sid: AccountSid,
    request: PageRequest,
    *,
    phone_number: str | None = None,
    friendly_name: str | None = None,
) -> Page[IncomingPhoneNumber]:
    """Return one page of an account's numbers, newest first.

    `phone_number` is a part of the number, with ``*`` for any digit. A part without a digit matches nothing.
    `friendly_name` must match exactly.
    """
    filters = {}
    if phone_number is not None:
        pattern = number_pattern(phone_number)
        if pattern is None:
            return Page(request, [], None, None)
        filters["pattern"] = pattern
    if friendly_name is not None:
        filters["friendly_name"] = friendly_name
    return IncomingPhoneNumberRepository(unit_of_work).page(account_sid, filters, request)


def fetch_incoming_phone_number(
    unit_of_work: UnitOfWork, account_sid: AccountSid, sid: str
) -> IncomingPhoneNumber | None:
    """Return a number, or None if this account does not have it."""
    return IncomingPhoneNumberRepository(unit_of_work).find(account_sid, sid)


def delete_incoming_phone_number(unit_of_work: UnitOfWork, account_sid: AccountSid, sid: str) -> bool:
    """Remove a number from an account; return False if the account does not have it."""
    with unit_of_work:
        unit_of_work.accounts.lock_shared(account_sid)
        return IncomingPhoneNumberRepository(unit_of_work).delete(account_sid, sid)

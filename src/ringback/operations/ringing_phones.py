"""The phones that ring, in all accounts."""

from ringback.storage.ringing_phones import RingingAccount, RingingPhones
from ringback.storage.unit_of_work import UnitOfWork

MOST_COUNTED = 100
"""How many phones are counted in one account: counting all would delay other requests."""


def ringing_accounts(unit_of_work: UnitOfWork) -> list[RingingAccount]:
    """Return the accounts with phones that ring or are in a call, and how many; at most MOST_COUNTED in each."""
    return RingingPhones(unit_of_work).accounts(most=MOST_COUNTED)

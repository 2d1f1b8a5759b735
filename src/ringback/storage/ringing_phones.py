"""How many phones ring in each account."""

from typing import NamedTuple

from sqlalchemy import bindparam, func, literal, select

from ringback.domain.calls import IN_PROGRESS_STATES, CallState
from ringback.domain.sids import AccountSid
from ringback.storage.session import Session
from ringback.storage.statements import Statement
from ringback.storage.tables import accounts, validation_calls

_REACHED = sorted({CallState.RINGING, *IN_PROGRESS_STATES})
_SOME = (
    select(literal(1).label("phone"))
    .where(
        validation_calls.c.account_sid == accounts.c.sid,
        validation_calls.c.ended_at.is_(None),
        validation_calls.c.state.in_([literal(state.value) for state in _REACHED]),
    )
    .limit(bindparam("most"))
    .correlate(accounts)
    .subquery()
)
_COUNT = select(func.count()).select_from(_SOME).scalar_subquery()
_COUNTS = select(accounts.c.sid, accounts.c.friendly_name, _COUNT.label("phones")).subquery()
RINGING = Statement(select(_COUNTS).where(_COUNTS.c.phones > 0).order_by(_COUNTS.c.sid))


class RingingAccount(NamedTuple):
    """An account, and how many of its phones ring or are in a call."""

    account_sid: AccountSid
    friendly_name: str
    phones: int


class RingingPhones:
    """The phones that ring or are in a call, counted account by account."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def accounts(self, *, most: int) -> list[RingingAccount]:
        """Return the accounts that have such phones; no more than `most` are counted in each."""
        return [RingingAccount(*row) for row in self._session.all(RINGING, most=most)]

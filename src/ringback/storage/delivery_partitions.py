"""The lanes in which StatusCallbacks are owed, found without looking at each callback."""

from sqlalchemy import func, literal, select

from ringback.storage.statements import Statement
from ringback.storage.tables import status_callbacks as table

MAX_PARTITIONS = 1_000
"""How many lanes one look at the outbox sees: the first ones of all accounts, then their second ones, and so on."""
MAX_ACCOUNT_PARTITIONS = 100
"""How many lanes of one account one look sees: more than it may fill, few enough not to be in the way of others."""

_IS_OWED = table.c.due_at.is_not(None)
_first_owing = select(func.min(table.c.account_sid).label("sid")).where(_IS_OWED).cte("owing", recursive=True)
_next_owing = select(func.min(table.c.account_sid)).where(_IS_OWED, table.c.account_sid > _first_owing.c.sid)
_owing = _first_owing.union_all(select(_next_owing.scalar_subquery()).where(_first_owing.c.sid.is_not(None)))
_first_receiver = select(func.min(table.c.receiver)).where(_IS_OWED, table.c.account_sid == _owing.c.sid)
_first_lanes = (
    select(_owing.c.sid, _first_receiver.scalar_subquery().label("receiver"), literal(1).label("number"))
    .where(_owing.c.sid.is_not(None))
    .cte("lanes", recursive=True)
)
_next_receiver = select(func.min(table.c.receiver)).where(
    _IS_OWED, table.c.account_sid == _first_lanes.c.sid, table.c.receiver > _first_lanes.c.receiver
)
_lanes = _first_lanes.union_all(
    select(_first_lanes.c.sid, _next_receiver.scalar_subquery(), _first_lanes.c.number + 1).where(
        _first_lanes.c.receiver.is_not(None), _first_lanes.c.number < MAX_ACCOUNT_PARTITIONS
    )
)
_earliest = select(func.min(table.c.due_at)).where(
    _IS_OWED, table.c.account_sid == _lanes.c.sid, table.c.receiver == _lanes.c.receiver
)
PARTITIONS = Statement(
    select(_lanes.c.sid, _lanes.c.receiver, _earliest.scalar_subquery())
    .where(_lanes.c.receiver.is_not(None))
    .limit(MAX_PARTITIONS)
)
"""Hops along the index from account to account, and in each from receiver to receiver: however many callbacks are owed
in a lane, it costs two look-ups."""

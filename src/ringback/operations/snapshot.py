"""The whole state as one document, and back."""

import hashlib
from typing import Any, NamedTuple

import orjson

from ringback.domain.instants import Instant
from ringback.operations.callbacks import release_leases
from ringback.operations.clocks import follow_clocks
from ringback.operations.requests import write_all_requests
from ringback.storage.schema import HEAD
from ringback.storage.snapshots import State, UnfitState, read_state, write_state
from ringback.storage.unit_of_work import UnitOfWork


class Snapshot(NamedTuple):
    """All there is at one moment: the schema it is written in, its rows, and a digest of those.

    The digest tells a snapshot that was cut off or edited from one that a server has been in.
    """

    version: str
    digest: str
    tables: State


def take_snapshot(unit_of_work: UnitOfWork) -> Snapshot:
    """Return the whole state."""
    with unit_of_work:
        write_all_requests(unit_of_work)
        tables = read_state(unit_of_work)
    return Snapshot(HEAD, digest_of(tables), tables)


def restore_snapshot(unit_of_work: UnitOfWork, snapshot: Snapshot, *, real: Instant) -> None:
    """Put a snapshot in the place of everything that is there.

    What was pending in it goes on; a callback that was under way is sent again. Raises UnfitState, and changes nothing,
    where it is no snapshot of this version.
    """
    if snapshot.version != HEAD:
        raise UnfitState(f"it is of version {snapshot.version}, this server's is {HEAD}")
    if snapshot.digest != digest_of(snapshot.tables):
        raise UnfitState("its digest does not fit its tables: it was cut off, or edited")
    with unit_of_work:
        unit_of_work.overturned |= {account.sid for account in unit_of_work.accounts.all()}
        unit_of_work.requests.journal.forget()
        write_state(unit_of_work, snapshot.tables)
        unit_of_work.overturned |= {account.sid for account in unit_of_work.accounts.all()}
        release_leases(unit_of_work, now=real)
        follow_clocks(unit_of_work, real=real)


def digest_of(tables: Any) -> str:
    """Return the digest of some tables; the same for 1.0 and 1, which JSON does not tell apart everywhere.

    Raises UnfitState for a whole number of more than 64 bits, or half a character.
    """
    try:
        written = orjson.dumps(_without_fractions_of_nothing(tables), option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError as error:
        raise UnfitState(f"its tables hold what none can: {error}") from error
    return hashlib.sha256(written).hexdigest()


def _without_fractions_of_nothing(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_fractions_of_nothing(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_without_fractions_of_nothing(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value

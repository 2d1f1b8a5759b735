"""The whole state as one document, and back.

What reads and writes the document asks no database: it is for a thread beside the event loop, and lets others have
their turn, so that they wait for the transaction alone.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from ringback.domain.instants import Instant
from ringback.operations.callbacks import release_leases
from ringback.operations.clocks import follow_clocks
from ringback.operations.requests import write_all_requests
from ringback.storage.schema import HEAD
from ringback.storage.snapshot_versions import ADDED_COLUMNS, upgrade_row
from ringback.storage.snapshots import Rows, State, UnfitState, check_columns, named, read_rows, write_state
from ringback.storage.unit_of_work import UnitOfWork

PARTS = ("version", "digest", "tables")
ROWS_AT_ONCE = 1_000
"""How many rows are written as JSON in one go: no other thread runs meanwhile."""
_VALUES = (str, int, float, type(None))


def take_state(unit_of_work: UnitOfWork) -> Rows:
    """Return the whole state, for `snapshot_of`."""
    write_all_requests(unit_of_work)
    with unit_of_work:
        unit_of_work.locks.one_view()
        return read_rows(unit_of_work)


def snapshot_of(rows: Rows) -> bytes:
    """Return a snapshot in JSON: the schema it is written in, a digest, and the tables.

    The digest tells a snapshot that was cut off or edited from one that a server has been in.
    """
    tables = list(_written(named(rows)))
    digest = _digest(tables)
    return b"".join(
        (b'{"version":', orjson.dumps(HEAD), b',"digest":', orjson.dumps(digest), b',"tables":', *tables, b"}")
    )


def state_of(snapshot: bytes) -> State:
    """Return the state that a snapshot holds. Raises ValueError for what is no JSON, and UnfitState.

    Of a snapshot of this version that nobody edited, everything but the rows' values is as tables can hold it.
    """
    given = _parsed(snapshot)
    if not isinstance(given, dict) or given.keys() != set(PARTS):
        raise UnfitState(f"it is an object of {', '.join(PARTS)}, and of nothing more")
    version, digest, tables = (given[part] for part in PARTS)
    if version != HEAD and not (isinstance(version, str) and version in ADDED_COLUMNS):
        raise UnfitState(f"it is of version {str(version)[:100]}, this server's is {HEAD}")
    _check_values(tables)
    if digest != digest_of(tables):
        raise UnfitState("its digest does not fit its tables: it was cut off, or edited")
    if version != HEAD:
        tables = {name: [upgrade_row(version, name, row) for row in rows] for name, rows in tables.items()}
    check_columns(tables)
    state: State = tables
    return state


def restore_state(unit_of_work: UnitOfWork, state: State, *, real: Instant) -> None:
    """Put a state in the place of everything that is there.

    What was pending in it goes on; a callback that was under way is sent again. Raises UnfitState, and changes nothing,
    where its rows cannot be.
    """
    with unit_of_work:
        unit_of_work.locks.everything()
        unit_of_work.overturned |= {account.sid for account in unit_of_work.accounts.all()}
        unit_of_work.when_committed(unit_of_work.requests.journal.forget)
        write_state(unit_of_work, state)
        unit_of_work.overturned |= {account.sid for account in unit_of_work.accounts.all()}
        release_leases(unit_of_work, now=real)
        follow_clocks(unit_of_work, real=real)


def digest_of(tables: State) -> str:
    """Return the digest of some tables; the same for 1.0 and 1, which JSON does not tell apart everywhere.

    Raises UnfitState for a whole number of more than 64 bits, or half a character.
    """
    try:
        return _digest(_written(tables))
    except orjson.JSONEncodeError as error:
        raise UnfitState(f"its tables hold what none can: {error}") from error


def _digest(written: Iterator[bytes] | Sequence[bytes]) -> str:
    digest = hashlib.sha256()
    for part in written:
        digest.update(part)
    return digest.hexdigest()


def _written(tables: State) -> Iterator[bytes]:
    """Yield the tables as JSON, all names in their order, part by part."""
    yield b"{"
    for place, name in enumerate(sorted(tables)):
        yield b"%b%b:[" % (b"," if place else b"", orjson.dumps(name))
        for begin in range(0, len(tables[name]), ROWS_AT_ONCE):
            rows = [_without_fractions_of_nothing(row) for row in tables[name][begin : begin + ROWS_AT_ONCE]]
            yield (b"," if begin else b"") + orjson.dumps(rows, option=orjson.OPT_SORT_KEYS)[1:-1]
        yield b"]"
    yield b"}"


def _without_fractions_of_nothing(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value for name, value in row.items()
    }


def _parsed(document: bytes) -> Any:
    try:
        return orjson.loads(document)
    except orjson.JSONDecodeError:
        try:
            json.loads(document)
        except RecursionError:
            raise ValueError("nested too deeply") from None
    raise UnfitState("it holds half a character, or a number that is none")


def _check_values(tables: Any) -> None:
    """Raise UnfitState unless these are tables of rows of plain values."""
    if not isinstance(tables, dict) or not all(isinstance(rows, list) for rows in tables.values()):
        raise UnfitState("its tables are no lists of rows by their names")
    for name, rows in tables.items():
        for place, row in enumerate(rows):
            if not isinstance(row, dict):
                raise UnfitState(f"tables.{name}.{place} is no object")
            for column, value in row.items():
                if type(value) not in _VALUES:
                    raise UnfitState(f"tables.{name}.{place}.{column} is neither text nor a number nor null")

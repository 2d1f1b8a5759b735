"""The whole state as one document, and back, both in steps.

A snapshot may have a hundred megabytes. It is read row by row, and kept as JSON texts of some rows each: as values it
would take several times the memory.
"""

import hashlib
import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from ringback.domain.instants import Instant
from ringback.operations.clocks import follow_clocks
from ringback.operations.requests import write_all_requests
from ringback.operations.snapshot_text import NotInForm, SnapshotText
from ringback.stepwise import Steps, in_steps
from ringback.storage.schema import HEAD
from ringback.storage.snapshot_versions import ADDED_COLUMNS, upgrade_row
from ringback.storage.snapshots import COLUMNS, UnfitState, read_tables, write_tables
from ringback.storage.unit_of_work import UnitOfWork

PARTS = ("version", "digest", "tables")
EXPLAINED_BYTES = 1024 * 1024
"""Up to which length a text that is no snapshot is parsed whole, to say exactly what is wrong with it."""
_VALUES = (str, int, float, type(None))

Tables = Mapping[str, list[bytes]]
"""Each table's rows by its name, as JSON: texts of some rows each, separated by commas, without the brackets."""


class TooLargeSnapshot(Exception):
    """A snapshot has more bytes than may be restored."""


class Snapshot(NamedTuple):
    """A snapshot that is whole; whether its rows can be stored the database tells."""

    version: str
    tables: Tables


@in_steps
def take_snapshot(unit_of_work: UnitOfWork, *, limit: int | None = None) -> Steps[list[bytes]]:
    """Return a snapshot in JSON, in parts: the schema it is written in, a digest, and the tables.

    The digest tells a snapshot that was cut off or edited from one that a server has written. Raises TooLargeSnapshot
    for one of more than `limit` bytes.
    """
    yield from write_all_requests.steps(unit_of_work)
    tables: dict[str, list[bytes]] = {name: [] for name in COLUMNS}
    written_bytes = 0
    with unit_of_work:
        unit_of_work.locks.one_view()
        for name, rows in read_tables(unit_of_work):
            tables[name].append(written := _written(rows))
            written_bytes += len(written)
            if limit is not None and written_bytes > limit:
                raise TooLargeSnapshot(limit)
            yield
    digest = yield from _digest(tables)
    parts = [b'{"version":%b,"digest":%b,"tables":' % (orjson.dumps(HEAD), orjson.dumps(digest))]
    for part in _document(tables):
        parts.append(part)
        yield
    return [*parts, b"}"]


@in_steps
def read_snapshot(parts: deque[bytes]) -> Steps[Snapshot]:
    """Return the snapshot that a text in parts holds, which are let go as they are read.

    Raises ValueError for what is not JSON, and UnfitState.
    Of a snapshot of this version that nobody edited, everything but the rows' values is as tables can hold it.
    """
    short = b"".join(parts) if sum(map(len, parts)) <= EXPLAINED_BYTES else None
    try:
        return (yield from _Reader(parts).read())
    except NotInForm as error:
        if short is not None:
            _explain(short)
        raise UnfitState(str(error)) from error


@in_steps
def restore_snapshot(unit_of_work: UnitOfWork, snapshot: Snapshot, *, real: Instant) -> Steps[None]:
    """Put a snapshot's state in the place of everything that is there.

    What was pending in it goes on; a callback that was under way is sent again. Raises UnfitState, and changes nothing,
    where its rows cannot be.
    """
    with unit_of_work:
        unit_of_work.locks.everything()
        unit_of_work.when_committed(unit_of_work.requests.journal.forget)
        yield from _overturn_all(unit_of_work)
        yield from unit_of_work.accounts.delete_all()
        yield from write_tables(unit_of_work, _rows_of(snapshot), real=real)
        yield from _overturn_all(unit_of_work)
        yield from follow_clocks.steps(unit_of_work, real=real)


def let_go(snapshot: Snapshot) -> Steps[None]:
    """Free a snapshot's memory in steps: for a hundred megabytes at once it takes tens of milliseconds."""
    for texts in snapshot.tables.values():
        while texts:
            texts.pop()
            yield


def _overturn_all(unit_of_work: UnitOfWork) -> Steps[None]:
    for sids in unit_of_work.accounts.all_sids():
        unit_of_work.overturned.update(sids)
        yield


def _rows_of(snapshot: Snapshot) -> Mapping[str, Iterator[list[dict[str, Any]]]]:
    """Return the rows of a snapshot, some at a time, as the present schema has them."""

    def rows(name: str) -> Iterator[list[dict[str, Any]]]:
        for text in snapshot.tables[name]:
            yield [upgrade_row(snapshot.version, name, row) for row in orjson.loads(b"[%b]" % text)]

    return {name: rows(name) for name in snapshot.tables}


def digest_of(tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Return the digest of some tables; the same for 1.0 and 1, which JSON does not tell apart everywhere.

    Raises UnfitState for a whole number of more than 64 bits, or half a character.
    """
    digest = hashlib.sha256()
    for part in _document({name: [_written(rows)] if rows else [] for name, rows in tables.items()}):
        digest.update(part)
    return digest.hexdigest()


def _digest(tables: Tables) -> Steps[str]:
    digest = hashlib.sha256()
    for part in _document(tables):
        digest.update(part)
        yield
    return digest.hexdigest()


def _document(tables: Tables) -> Iterator[bytes]:
    """Yield the tables as JSON, all names in their order, part by part."""
    yield b"{"
    for place, name in enumerate(sorted(tables)):
        yield b"%b%b:[" % (b"," if place else b"", orjson.dumps(name))
        for part, rows in enumerate(tables[name]):
            if part:
                yield b","
            yield rows
        yield b"]"
    yield b"}"


def _written(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return rows as JSON without brackets, all names in their order. Raises UnfitState for what JSON cannot hold."""
    try:
        return orjson.dumps([_without_fractions_of_nothing(row) for row in rows], option=orjson.OPT_SORT_KEYS)[1:-1]
    except orjson.JSONEncodeError as error:
        raise UnfitState(f"its tables hold what none can: {error}") from error


def _without_fractions_of_nothing(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value for name, value in row.items()
    }


class _Reader:
    """Reads a snapshot once."""

    def __init__(self, parts: deque[bytes]) -> None:
        self._text = SnapshotText(parts)
        self._told: dict[str, str] = {}
        self._tables: dict[str, list[bytes]] = {}
        self._columns: dict[str, set[frozenset[str]]] = {}
        self._has_tables = False

    def read(self) -> Steps[Snapshot]:
        """Return the snapshot. Raises NotInForm and UnfitState."""
        yield from self._text.expect(b"{")
        mark = b","
        while mark == b",":
            yield from self._part()
            mark = yield from self._text.expect(b",", b"}")
        yield from self._text.end()
        if not self._has_tables or self._told.keys() != {"version", "digest"}:
            raise _wrong_parts()
        version = self._told["version"]
        _check_version(version)
        if self._told["digest"] != (yield from _digest(self._tables)):
            raise UnfitState("its digest does not fit its tables: it was cut off, or edited")
        _check_columns(version, self._columns)
        return Snapshot(version, self._tables)

    def _part(self) -> Steps[None]:
        name = yield from self._text.string()
        yield from self._text.expect(b":")
        if name == "tables" and not self._has_tables:
            self._has_tables = True
            yield from self._read_tables()
        elif name in PARTS and name not in self._told and name != "tables":
            self._told[name] = yield from self._text.string()
        else:
            raise _wrong_parts()

    def _read_tables(self) -> Steps[None]:
        yield from self._text.expect(b"{")
        mark = yield from self._text.token()
        while mark != b"}":
            name = self._text.decoded(mark)
            if name in self._tables:
                raise UnfitState(f"it has two tables {name[:100]}")
            yield from self._text.expect(b":")
            yield from self._text.expect(b"[")
            yield from self._read_rows(name)
            if (yield from self._text.expect(b",", b"}")) == b"}":
                return
            mark = yield from self._text.token()

    def _read_rows(self, name: str) -> Steps[None]:
        texts = self._tables[name] = []
        columns = self._columns[name] = set()
        place = 0
        while (rows := (yield from self._text.rows())) is not None:
            for row in rows:
                _check_values(name, place, row)
                columns.add(frozenset(row))
                place += 1
            texts.append(_written(rows))
            yield
            if (yield from self._text.expect(b",", b"]")) == b"]":
                return
        if place:
            raise NotInForm(f"tables.{name} ends with a comma")
        yield from self._text.expect(b"]")


def _wrong_parts() -> UnfitState:
    return UnfitState(f"it is an object of {', '.join(PARTS)}, and of nothing more")


def _check_version(version: object) -> None:
    """Raise UnfitState for a version that is neither the schema's nor an older one that can be upgraded."""
    if version != HEAD and not (isinstance(version, str) and version in ADDED_COLUMNS):
        raise UnfitState(f"it is of version {str(version)[:100]}, this server's is {HEAD}")


def _check_columns(version: str, columns: Mapping[str, set[frozenset[str]]]) -> None:
    """Raise UnfitState where the tables or columns are not those of the schema, once rows are upgraded."""
    if columns.keys() != COLUMNS.keys():
        raise UnfitState("its tables are others")
    for name, expected in COLUMNS.items():
        if any(upgrade_row(version, name, dict.fromkeys(row)).keys() != set(expected) for row in columns[name]):
            raise UnfitState(f"the columns of {name} are others")


def _check_values(table: str, place: int, row: Mapping[str, Any]) -> None:
    """Raise UnfitState unless this is a row of plain values."""
    for column, value in row.items():
        if type(value) not in _VALUES:
            raise UnfitState(f"tables.{table}.{place}.{column} is neither text nor a number nor null")


def _explain(document: bytes) -> None:
    """Say what is wrong with a short text that is not in the form of a snapshot. Raises ValueError and UnfitState."""
    given = _parsed(document)
    if not isinstance(given, dict) or given.keys() != set(PARTS):
        raise _wrong_parts()
    tables = given["tables"]
    _check_version(given["version"])
    if not isinstance(tables, dict) or not all(isinstance(rows, list) for rows in tables.values()):
        raise UnfitState("its tables are no lists of rows by their names")
    for name, rows in tables.items():
        for place, row in enumerate(rows):
            if not isinstance(row, dict):
                raise UnfitState(f"tables.{name}.{place} is no object")
            _check_values(name, place, row)


def _parsed(document: bytes) -> Any:
    try:
        return orjson.loads(document)
    except orjson.JSONDecodeError:
        try:
            json.loads(document)
        except RecursionError:
            raise ValueError("nested too deeply") from None
    raise UnfitState("it holds half a character, or a number that is none")

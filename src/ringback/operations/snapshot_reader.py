"""Reading a snapshot once, in steps, and saying what is wrong with one that cannot be restored."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from ringback.operations.snapshot_document import Tables, digest_steps, rows_text
from ringback.operations.snapshot_text import NotInForm, SnapshotText
from ringback.operations.spool import Spool
from ringback.storage.errors import InvalidSnapshot
from ringback.storage.snapshots import COLUMNS, VERSIONS, tables_of, upgrade_row
from ringback.storage.stepwise import Steps
from ringback.storage.tables import HEAD

PARTS = ("version", "digest", "tables")
_VALUES = (str, int, float, type(None))


class Snapshot(NamedTuple):
    """A snapshot that is whole; whether its rows can be stored the database tells."""

    version: str
    tables: Tables
    rows: Spool


class SnapshotReader:
    """Reads a snapshot once."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._text = SnapshotText(parts)
        self._told: dict[str, str] = {}
        self._rows = Spool()
        self._tables: dict[str, list[range]] = {}
        self._columns: dict[str, set[frozenset[str]]] = {}
        self._has_tables = False

    def read(self) -> Steps[Snapshot]:
        """Return the snapshot. Raises NotInForm and InvalidSnapshot."""
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
        if self._told["digest"] != (yield from digest_steps(self._tables, self._rows)):
            raise InvalidSnapshot("its digest does not fit its tables: it was cut off, or edited")
        _check_columns(version, self._columns)
        return Snapshot(version, self._tables, self._rows)

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
                raise InvalidSnapshot(f"it has two tables {name[:100]}")
            yield from self._text.expect(b":")
            yield from self._text.expect(b"[")
            yield from self._read_rows(name)
            if (yield from self._text.expect(b",", b"}")) == b"}":
                return
            mark = yield from self._text.token()

    def _read_rows(self, name: str) -> Steps[None]:
        places = self._tables[name] = []
        columns = self._columns[name] = set()
        place = 0
        while (rows := (yield from self._text.rows())) is not None:
            for row in rows:
                _check_values(name, place, row)
                columns.add(frozenset(row))
                place += 1
            places.append(self._rows.write(rows_text(rows)))
            yield
            if (yield from self._text.expect(b",", b"]")) == b"]":
                return
        if place:
            raise NotInForm(f"tables.{name} ends with a comma")
        yield from self._text.expect(b"]")


def _wrong_parts() -> InvalidSnapshot:
    return InvalidSnapshot(f"it is an object of {', '.join(PARTS)}, and of nothing more")


def _check_version(version: object) -> None:
    """Raise InvalidSnapshot for a version that is neither the schema's nor an older one that can be upgraded."""
    if version not in VERSIONS:
        raise InvalidSnapshot(f"it is of version {str(version)[:100]}, this server's is {HEAD}")


def _check_columns(version: str, columns: Mapping[str, set[frozenset[str]]]) -> None:
    """Raise InvalidSnapshot where the tables or columns are not those of the schema, once rows are upgraded."""
    if columns.keys() != tables_of(version):
        raise InvalidSnapshot("its tables are others")
    for name, rows in columns.items():
        if any(upgrade_row(version, name, dict.fromkeys(row)).keys() != set(COLUMNS[name]) for row in rows):
            raise InvalidSnapshot(f"the columns of {name} are others")


def _check_values(table: str, place: int, row: Mapping[str, Any]) -> None:
    """Raise InvalidSnapshot unless this is a row of plain values."""
    for column, value in row.items():
        if type(value) not in _VALUES:
            raise InvalidSnapshot(f"tables.{table}.{place}.{column} is neither text nor a number nor null")


def explain(document: bytes) -> None:
    """Say why a short text is not a snapshot. Raises ValueError and InvalidSnapshot."""
    given = _parsed(document)
    if not isinstance(given, dict) or given.keys() != set(PARTS):
        raise _wrong_parts()
    tables = given["tables"]
    _check_version(given["version"])
    if not isinstance(tables, dict) or not all(isinstance(rows, list) for rows in tables.values()):
        raise InvalidSnapshot("its tables are not lists of rows by their names")
    for name, rows in tables.items():
        for place, row in enumerate(rows):
            if not isinstance(row, dict):
                raise InvalidSnapshot(f"tables.{name}.{place} is not an object")
            _check_values(name, place, row)


def _parsed(document: bytes) -> Any:
    try:
        return orjson.loads(document)
    except orjson.JSONDecodeError:
        try:
            json.loads(document)
        except RecursionError:
            raise ValueError("nested too deeply") from None
    raise InvalidSnapshot("it holds half a character, or an invalid number")

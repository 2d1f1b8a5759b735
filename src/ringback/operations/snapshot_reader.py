"""Parser for snapshots, which runs in steps and explains why a document is not a snapshot."""

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
    """A complete snapshot. Its rows have the right columns, but the values have not been checked yet."""

    version: str
    tables: Tables
    rows: Spool


class SnapshotReader:
    """Parses one snapshot."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._text = SnapshotText(parts)
        self._texts: dict[str, str] = {}
        self._rows = Spool()
        self._tables: dict[str, list[range]] = {}
        self._columns: dict[str, set[frozenset[str]]] = {}
        self._has_tables = False

    def read(self) -> Steps[Snapshot]:
        """Return the snapshot. Raises NotInForm or InvalidSnapshot."""
        yield from self._text.expect(b"{")
        mark = b","
        while mark == b",":
            yield from self._part()
            mark = yield from self._text.expect(b",", b"}")
        yield from self._text.end()
        if not self._has_tables or self._texts.keys() != {"version", "digest"}:
            raise _wrong_parts()
        version = self._texts["version"]
        _check_version(version)
        if self._texts["digest"] != (yield from digest_steps(self._tables, self._rows)):
            raise InvalidSnapshot("its digest does not match its tables: it was truncated or edited")
        _check_columns(version, self._columns)
        return Snapshot(version, self._tables, self._rows)

    def _part(self) -> Steps[None]:
        name = yield from self._text.string()
        yield from self._text.expect(b":")
        if name == "tables" and not self._has_tables:
            self._has_tables = True
            yield from self._read_tables()
        elif name in PARTS and name not in self._texts and name != "tables":
            self._texts[name] = yield from self._text.string()
        else:
            raise _wrong_parts()

    def _read_tables(self) -> Steps[None]:
        yield from self._text.expect(b"{")
        mark = yield from self._text.token()
        while mark != b"}":
            name = self._text.decoded(mark)
            if name in self._tables:
                raise InvalidSnapshot(f"it has two tables with the name {name[:100]}")
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
    return InvalidSnapshot(f"it must be an object with {', '.join(PARTS)} and nothing else")


def _check_version(version: object) -> None:
    """Raise InvalidSnapshot unless a snapshot of this version can be restored."""
    if version not in VERSIONS:
        raise InvalidSnapshot(f"it has version {str(version)[:100]}, but this server has {HEAD}")


def _check_columns(version: str, columns: Mapping[str, set[frozenset[str]]]) -> None:
    """Raise InvalidSnapshot unless these are the tables and columns of the version."""
    if columns.keys() != tables_of(version):
        raise InvalidSnapshot(f"its tables are not those of version {version}")
    for name, rows in columns.items():
        if any(upgrade_row(version, name, dict.fromkeys(row)).keys() != set(COLUMNS[name]) for row in rows):
            raise InvalidSnapshot(f"the columns of {name} are not those of version {version}")


def _check_values(table: str, place: int, row: Mapping[str, Any]) -> None:
    """Raise InvalidSnapshot unless all values of a row are strings, numbers or null."""
    for column, value in row.items():
        if type(value) not in _VALUES:
            raise InvalidSnapshot(f"tables.{table}.{place}.{column} must be a string, a number or null")


def explain(document: bytes) -> None:
    """Raise ValueError or InvalidSnapshot with the reason why a short text is not a snapshot."""
    snapshot = _parsed(document)
    if not isinstance(snapshot, dict) or snapshot.keys() != set(PARTS):
        raise _wrong_parts()
    tables = snapshot["tables"]
    _check_version(snapshot["version"])
    if not isinstance(tables, dict) or not all(isinstance(rows, list) for rows in tables.values()):
        raise InvalidSnapshot("tables must be an object with a list of rows for each table")
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
    raise InvalidSnapshot("it contains a lone surrogate or an invalid number")

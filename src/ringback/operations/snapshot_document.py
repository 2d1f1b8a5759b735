"""The JSON text and the digest of a snapshot's tables."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from ringback.operations.spool import Spool
from ringback.storage.errors import InvalidSnapshot
from ringback.storage.stepwise import Steps

Tables = Mapping[str, list[range]]
"""The positions of each table's rows in a spool. At each position is the JSON of a few rows, without the brackets."""


def digest_of(tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Return the digest of tables. It is the same for 1.0 and 1, because some JSON libraries do not distinguish them.

    Raises InvalidSnapshot for an integer of more than 64 bits, or a lone surrogate.
    """
    hashed = hashlib.sha256()
    for part in tables_text({name: [rows_text(rows)] if rows else [] for name, rows in tables.items()}):
        hashed.update(part)
    return hashed.hexdigest()


def digest_steps(tables: Tables, rows: Spool) -> Steps[str]:
    """Return the digest of tables, as `digest_of` does, in steps."""
    hashed = hashlib.sha256()
    for part in tables_text({name: map(rows.read, places) for name, places in tables.items()}):
        hashed.update(part)
        yield
    return hashed.hexdigest()


def tables_text(tables: Mapping[str, Iterable[bytes]]) -> Iterator[bytes]:
    """Yield the JSON text of the tables in parts. The tables are sorted by name."""
    yield b"{"
    for place, name in enumerate(sorted(tables)):
        yield b"%b%b:[" % (b"," if place else b"", orjson.dumps(name))
        for part, rows in enumerate(tables[name]):
            if part:
                yield b","
            yield rows
        yield b"]"
    yield b"}"


def rows_text(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the JSON of rows, without brackets and with sorted keys.

    Raises InvalidSnapshot for values that JSON cannot represent.
    """
    try:
        return orjson.dumps([_with_whole_numbers(row) for row in rows], option=orjson.OPT_SORT_KEYS)[1:-1]
    except orjson.JSONEncodeError as error:
        raise InvalidSnapshot(f"it contains values that tables cannot hold: {error}") from error


def _with_whole_numbers(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with integers in place of whole floats such as 1.0, which some JSON libraries do not distinguish."""
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value for name, value in row.items()
    }

"""Take a snapshot of all accounts as one JSON document, and restore a snapshot, both in steps.

The size of a snapshot may be 100 MB. It is read row by row and kept as JSON texts of a few rows each; Python values
would take several times the memory.
"""

import hashlib
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from ringback.domain.timestamps import Timestamp
from ringback.operations.clocks import recompute_due_times
from ringback.operations.requests import discard_all_requests, write_all_requests
from ringback.operations.snapshot_document import rows_text, tables_text
from ringback.operations.snapshot_reader import Snapshot, SnapshotReader, explain
from ringback.operations.snapshot_text import NotInForm
from ringback.operations.spool import Spool
from ringback.storage.errors import InvalidSnapshot
from ringback.storage.snapshot_checks import check_row, check_stored_row
from ringback.storage.snapshots import COLUMNS, read_table, upgrade_row, write_tables
from ringback.storage.stepwise import Steps, in_steps
from ringback.storage.tables import HEAD
from ringback.storage.unit_of_work import UnitOfWork

EXPLAINED_BYTES = 1024 * 1024
"""Maximum size of a document that is parsed as a whole to explain why it is not a snapshot."""

END = b"}"
"""The end of a snapshot, after its tables."""


class TooLargeSnapshot(Exception):
    """A snapshot is larger than the maximum size."""


@in_steps
def take_snapshot(unit_of_work: UnitOfWork, *, limit: int | None = None) -> Steps[Spool]:
    """Return a snapshot in JSON: the revision of its schema, a digest, and the tables.

    The digest detects a snapshot that was truncated or edited. Raises TooLargeSnapshot if the snapshot exceeds `limit`
    bytes, and UnrestorableRow for a row that a restore would refuse.
    """
    yield from write_all_requests.steps(unit_of_work)
    snapshot, digest = Spool(), hashlib.sha256()
    limit = sys.maxsize if limit is None else limit
    limit -= len(_head(digest) + END)
    with unit_of_work:
        unit_of_work.locks.repeatable_read()
        for text in tables_text({name: map(rows_text, _restorable(unit_of_work, name)) for name in COLUMNS}):
            digest.update(text)
            snapshot.write(text)
            if len(snapshot) > limit:
                raise TooLargeSnapshot
            yield
    snapshot.write_head(_head(digest))
    snapshot.write(END)
    return snapshot


def _head(digest: "hashlib._Hash") -> bytes:
    """Return the part of a snapshot before its tables. Its length does not depend on the digest."""
    return b'{"version":%b,"digest":%b,"tables":' % (orjson.dumps(HEAD), orjson.dumps(digest.hexdigest()))


def _restorable(unit_of_work: UnitOfWork, name: str) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of a table in batches. Raises UnrestorableRow for a row that a restore would refuse."""
    for rows in read_table(unit_of_work, name):
        for row in rows:
            check_stored_row(name, row)
        yield rows


@in_steps
def read_snapshot(document: Spool) -> Steps[Snapshot]:
    """Parse a snapshot. The document is empty afterwards.

    Raises ValueError if the text is not JSON, and InvalidSnapshot if it is not a snapshot of a known version. The
    values of the rows are not checked here.
    """
    short_text = None
    if len(document) <= EXPLAINED_BYTES:
        short_text = b"".join(document.parts())
        document = Spool(short_text)
    try:
        return (yield from SnapshotReader(document.parts()).read())
    except NotInForm as error:
        if short_text is not None:
            explain(short_text)
        raise InvalidSnapshot(str(error)) from error


@in_steps
def restore_snapshot(unit_of_work: UnitOfWork, snapshot: Snapshot, *, system_now: Timestamp) -> Steps[None]:
    """Replace all accounts and their data with the contents of a snapshot.

    The snapshot's pending work continues; a callback that was being sent is sent again. Raises InvalidSnapshot, and
    changes nothing, if rows cannot be stored.
    """
    with unit_of_work:
        unit_of_work.locks.everything()
        discard_all_requests(unit_of_work)
        yield from _invalidate_all(unit_of_work)
        yield from unit_of_work.accounts.delete_all()
        yield from write_tables(unit_of_work, _rows_of(snapshot), system_now=system_now)
        yield from _invalidate_all(unit_of_work)
        yield from recompute_due_times.steps(unit_of_work, system_now=system_now)
        yield from unit_of_work.commit_in_thread()


def _invalidate_all(unit_of_work: UnitOfWork) -> Steps[None]:
    for sids in unit_of_work.accounts.all_sids():
        unit_of_work.invalidated.update(sids)
        yield


def _rows_of(snapshot: Snapshot) -> Mapping[str, Iterator[list[dict[str, Any]]]]:
    """Return batches of a snapshot's rows by table, upgraded to the current schema.

    The iterators raise InvalidSnapshot.
    """

    def rows(name: str) -> Iterator[list[dict[str, Any]]]:
        place = 0
        for span in snapshot.tables[name]:
            text = snapshot.rows.read(span)
            rows = [upgrade_row(snapshot.version, name, row) for row in orjson.loads(b"[%b]" % text)]
            for row in rows:
                check_row(name, place, row)
                place += 1
            yield rows

    return {name: rows(name) for name in snapshot.tables}

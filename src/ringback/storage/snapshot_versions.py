"""Snapshots of older schemas, and what brings them to the present one."""

from collections.abc import Mapping
from typing import Any

_NO_HOPS = {"callback_attempts": {"hops": None}}

ADDED_COLUMNS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {"20261127_an_accounts_policy": _NO_HOPS}
"""The columns that a snapshot of an older schema lacks, with their values, by table: ringback 0.1.0's is the first."""


def upgrade_row(version: str, table: str, row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of a snapshot as the present schema has it.

    `version` is the schema that the snapshot was written in: the present one, or one of `ADDED_COLUMNS`.
    """
    added = ADDED_COLUMNS.get(version, {}).get(table)
    return row if added is None else {**added, **row}

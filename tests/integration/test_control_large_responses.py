"""The control API: large responses and snapshots, which are written and read in parts."""

import json
from typing import Any

import pytest

from ringback.operations import snapshot as operations
from ringback.operations import spool
from ringback.operations.snapshot import read_snapshot
from ringback.operations.spool import Spool
from ringback.storage import snapshots
from support.in_process.control import Controlled

pytestmark = pytest.mark.anyio

JSON = {"Content-Type": "application/json"}


async def test_listed_account_equals_the_fetched_one(controlled: Controlled) -> None:
    account = await controlled.account(friendly_name="Shop \u00e9", owner_email="owner@app.test")
    child = await controlled.account(parent_sid=account.sid)

    listed = (await controlled.ask("GET", "/accounts")).json()["accounts"]

    shown = {one["sid"]: one for one in listed}
    for one in (account, child):
        assert shown[one.sid] == (await one.control("GET")).json()


@pytest.mark.parametrize("rows_at_once", [1, 2, 3, 1_000])
async def test_snapshot_does_not_depend_on_the_size_of_its_parts(
    controlled: Controlled, monkeypatch: pytest.MonkeyPatch, rows_at_once: int
) -> None:
    for _ in range(3):
        await controlled.account()
    whole = (await controlled.http.get("/_ringback/snapshot")).content

    monkeypatch.setattr(snapshots, "ROWS_AT_ONCE", rows_at_once)

    assert (await controlled.http.get("/_ringback/snapshot")).content == whole
    answer = await controlled.http.put("/_ringback/snapshot", content=whole, headers=JSON)
    assert answer.status_code == 204


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff", 400),
        (b"[" * 200_000, 400),
        (b"[]", 422),
        (b'{"version": "\\ud800"}', 422),
        (b'{"version": NaN}', 422),
        (b'{"version": 1, "digest": 1, "tables": {}}', 422),
    ],
)
async def test_document_that_is_not_a_snapshot_is_rejected(controlled: Controlled, body: bytes, status: int) -> None:
    answer = await controlled.http.put("/_ringback/snapshot", content=body, headers=JSON)

    assert answer.status_code == status
    assert set(answer.json()) == {"error", "hint"}


@pytest.mark.parametrize("tables", [[], {"accounts": {}}, {"accounts": [5]}, {"accounts": [{"sid": True}]}])
async def test_snapshot_without_valid_tables_is_rejected(controlled: Controlled, tables: Any) -> None:
    taken = (await controlled.ask("GET", "/snapshot")).json()

    answer = await controlled.ask("PUT", "/snapshot", {**taken, "tables": tables})

    assert answer.status_code == 422
    assert "tables" in answer.json()["error"]


@pytest.mark.parametrize("part_bytes", [1, 7, 100])
async def test_snapshot_is_read_in_parts_of_any_size(
    controlled: Controlled, monkeypatch: pytest.MonkeyPatch, part_bytes: int
) -> None:
    account = await controlled.account(friendly_name='"Shop" {[\\')
    await account.validate()
    text = (await controlled.http.get("/_ringback/snapshot")).content

    spaced = json.dumps(json.loads(text), indent=2).encode()

    whole = rows_of(text)
    monkeypatch.setattr(spool, "PART_BYTES", part_bytes)
    monkeypatch.setattr(spool, "BLOCK_BYTES", 4_096)
    tables = [rows_of(document) for document in (text, spaced)]

    assert tables == [whole] * 2
    assert tables[0] == json.loads(text)["tables"]


def rows_of(text: bytes) -> dict[str, Any]:
    snapshot = read_snapshot(Spool(text))
    return {
        name: json.loads(b"[%b]" % b",".join(map(snapshot.rows.read, places)))
        for name, places in snapshot.tables.items()
    }


async def test_long_row_is_read_in_few_steps(controlled: Controlled, monkeypatch: pytest.MonkeyPatch) -> None:
    account = await controlled.account()
    await controlled.http.post(f"/_ringback/accounts/{account.sid}/inbox/any", data={"Body": "x" * 900_000})
    text = (await controlled.http.get("/_ringback/snapshot")).content

    monkeypatch.setattr(spool, "PART_BYTES", 1_000)

    steps = list(read_snapshot.steps(Spool(text)))

    assert len(steps) < len(text) / 1_000 / 2


@pytest.mark.parametrize("place", [0, 20, 200, -1, -2, -30])
async def test_large_text_that_is_not_a_snapshot_is_rejected(
    controlled: Controlled, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    monkeypatch.setattr(operations, "EXPLAINED_BYTES", 0)
    text = (await controlled.http.get("/_ringback/snapshot")).content
    broken = text[:place] + b"\xff" + text[place:]

    answer = await controlled.http.put("/_ringback/snapshot", content=broken, headers=JSON)

    assert answer.status_code == 422
    assert "not in the format of a snapshot" in answer.json()["error"]

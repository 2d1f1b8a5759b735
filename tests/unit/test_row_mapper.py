"""Row mappers: columns are found by name, and fields are converted both ways."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table

from ringback.storage.row_mapper import Field, RowMapper

PARCELS = Table(
    "parcels",
    MetaData(),
    Column("weight", Integer),
    Column("state", String),
    Column("length", Integer),
    Column("width", Integer),
    Column("sid", String),
)


class State(StrEnum):
    """The state of a parcel."""

    SENT = "sent"


class Parcel(NamedTuple):
    """A parcel, without its weight."""

    sid: str
    state: State | None
    size: tuple[int, int]


@dataclass
class Weighed:
    """The weight of a parcel."""

    sid: str
    weight: int


MAPPER = RowMapper(
    Parcel,
    [PARCELS.c.width, PARCELS.c.state, PARCELS.c.sid, PARCELS.c.length],
    state=Field(State, write=str, optional=True),
    size=Field(lambda length, width: (length, width), ("length", "width")),
)


@pytest.mark.parametrize(("state", "member"), [("sent", State.SENT), (None, None)])
def test_row_is_read_by_column_names(state: str | None, member: State | None) -> None:
    parcel = MAPPER.read((2, state, "P1", 3))

    assert parcel == Parcel("P1", member, (3, 2))
    assert type(parcel.state) is type(member)


def test_row_with_additional_columns_is_read_by_the_columns_of_the_query() -> None:
    read = MAPPER.reader([PARCELS.c.weight, *reversed(MAPPER.columns)])

    assert read((70, 3, "P1", "sent", 2)) == Parcel("P1", State.SENT, (3, 2))


def test_mapping_is_read_by_its_keys() -> None:
    row = {"sid": "P1", "length": 3, "weight": 70, "width": 2, "state": "sent"}

    assert MAPPER.read_mapping(row) == Parcel("P1", State.SENT, (3, 2))


def test_named_tuple_with_all_columns_in_order_is_read_unchanged() -> None:
    class Weight(NamedTuple):
        sid: str
        weight: int

    mapper = RowMapper(Weight, [PARCELS.c.sid, PARCELS.c.weight])

    assert mapper.read(("P1", 70)) == Weight("P1", 70)
    assert mapper.reader([PARCELS.c.weight, PARCELS.c.sid])((70, "P1")) == Weight("P1", 70)


def test_dataclass_is_read_by_column_names() -> None:
    assert RowMapper(Weighed, [PARCELS.c.weight, PARCELS.c.sid]).read((70, "P1")) == Weighed("P1", 70)


@pytest.mark.parametrize(("state", "text"), [(State.SENT, "sent"), (None, None)])
def test_fields_are_written_by_column_names(state: State | None, text: str | None) -> None:
    assert MAPPER.writer("state", "sid")(Parcel("P1", state, (3, 2))) == {"state": text, "sid": "P1"}


def test_parameter_without_a_column_is_reported_when_the_row_mapper_is_created() -> None:
    with pytest.raises(TypeError, match="Weighed: the row mapper lacks the column weight for weight"):
        RowMapper(Weighed, [PARCELS.c.sid])


def test_conversion_error_of_a_row_is_raised() -> None:
    with pytest.raises(ValueError, match="lost"):
        MAPPER.read((2, "lost", "P1", 3))

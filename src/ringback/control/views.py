"""Types that requests and answers of the control API share, and how domain values are shown."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from ringback.domain.instants import Instant, from_datetime, rfc_3339

LAST_YEAR = 9000
"""Clocks are not set later, so that no sum of times leaves what a date can be."""


class Body(BaseModel):
    """What a request carries: no field of another name."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class View(BaseModel):
    """What an answer shows."""

    model_config = ConfigDict(frozen=True)


def _within_reach(moment: datetime) -> datetime:
    if not 1970 <= moment.year <= LAST_YEAR:  # noqa: PLR2004
        raise ValueError(f"between the years 1970 and {LAST_YEAR}")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_within_reach)]
"""A time in a request: RFC 3339 with its offset."""
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-01-31T12:00:00.000000Z"])]
"""A time in an answer."""
Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]


def shown(instant: Instant | None) -> str | None:
    """Show an instant, if there is one."""
    return None if instant is None else rfc_3339(instant)


def instant_of(moment: datetime | None) -> Instant | None:
    """Return the instant of a time in a request, if there is one."""
    return None if moment is None else from_datetime(moment)

"""Types that requests and answers of the control API share, and how domain values are shown."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from ringback.config import validators
from ringback.domain.timestamps import Timestamp, from_datetime, rfc_3339

_DATE_AND_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]")
MAX_FIELDS = 100
LAST_YEAR = 9000
"""Clocks are not set later, so that no sum of times leaves what a date can be."""


class Body(BaseModel):
    """What a request carries: no field of another name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _has_few_fields(cls, fields: object) -> object:
        """Complain of 100,000 fields once, and not of each."""
        if isinstance(fields, dict) and len(fields) > MAX_FIELDS:
            raise ValueError(f"at most {MAX_FIELDS} fields")
        return fields


class View(BaseModel):
    """What an answer shows."""

    model_config = ConfigDict(frozen=True)


class SignatureView(View):
    """What is to be said of a request's X-Twilio-Signature."""

    is_valid: bool
    explanation: str
    signed_url: str = Field(description="What is to be signed for this request, as its receiver sees it.")
    matching_url: str | None = Field(description="What a wrong signature is right for, if that was found.")
    difference: str | None = Field(description="How that differs from `signed_url` and the parameters.")


def _within_reach(moment: datetime) -> datetime:
    years = range(1970, LAST_YEAR + 1)
    if moment.year not in years or moment.astimezone(UTC).year not in years:
        raise ValueError(f"between the years 1970 and {LAST_YEAR}")
    return moment


def _written_out(moment: object) -> object:
    if not (isinstance(moment, str) and _DATE_AND_TIME.match(moment)):
        raise ValueError("write it as 2026-01-31T12:00:00Z")
    return moment


def _number_itself(value: object) -> object:
    if isinstance(value, str | bool):
        raise ValueError("input should be a number")  # noqa: TRY004 - pydantic wants it
    return value


Moment = Annotated[AwareDatetime, AfterValidator(_within_reach), BeforeValidator(_written_out)]
"""A time in a request: RFC 3339 with its offset."""
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-01-31T12:00:00.000000Z"])]
"""A time in an answer."""
StrictNumber = BeforeValidator(_number_itself)
"""Of a number in a body: neither text nor a truth value stands for it."""
Seconds = Annotated[validators.Seconds, StrictNumber]


def shown(instant: Timestamp | None) -> str | None:
    """Show an instant, if there is one."""
    return None if instant is None else rfc_3339(instant)


def instant_of(moment: datetime | None) -> Timestamp | None:
    """Return the instant of a time in a request, if there is one."""
    return None if moment is None else from_datetime(moment)

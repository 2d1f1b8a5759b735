"""Base classes and field types that the requests and responses of the control API share."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from ringback.config import validators
from ringback.domain.timestamps import Timestamp, from_datetime, rfc_3339

_DATE_AND_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]")
MAX_FIELDS = 100
LAST_YEAR = 9000
"""Clocks cannot be set to a later year: sums of times must stay within the range of `datetime`."""


class RequestModel(BaseModel):
    """The body of a request. Unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _check_number_of_fields(cls, fields: object) -> object:
        """Report a body with 100,000 fields as one error instead of one for each field."""
        if isinstance(fields, dict) and len(fields) > MAX_FIELDS:
            raise ValueError(f"must have at most {MAX_FIELDS} fields")
        return fields


class ResponseModel(BaseModel):
    """The body of a response, or a part of it."""

    model_config = ConfigDict(frozen=True)


class SignatureResponse(ResponseModel):
    """The verdict on a request's X-Twilio-Signature."""

    is_valid: bool
    explanation: str
    signed_url: str = Field(description="The URL that the sender must sign for this request, as the receiver sees it.")
    matching_url: str | None = Field(
        description="Another URL that an invalid signature is valid for, if one was found."
    )
    difference: str | None = Field(description="How the request that was signed differs from this one.")


def _check_year(time: datetime) -> datetime:
    years = range(1970, LAST_YEAR + 1)
    if time.year not in years or time.astimezone(UTC).year not in years:
        raise ValueError(f"must be between the years 1970 and {LAST_YEAR}")
    return time


def _check_format(text: object) -> object:
    if not (isinstance(text, str) and _DATE_AND_TIME.match(text)):
        raise ValueError("use a format such as 2026-01-31T12:00:00Z")
    return text


def _check_number(value: object) -> object:
    if isinstance(value, str | bool):
        raise ValueError("input should be a number")  # noqa: TRY004 - pydantic reports only ValueError
    return value


DateTimeIn = Annotated[AwareDatetime, AfterValidator(_check_year), BeforeValidator(_check_format)]
"""A time in a request: RFC 3339 with a UTC offset."""
DateTimeOut = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-01-31T12:00:00.000000Z"])]
"""A time in a response: RFC 3339 in UTC."""
StrictNumber = BeforeValidator(_check_number)
"""Validator of numbers in a body. Strings and booleans are errors."""
Seconds = Annotated[validators.Seconds, StrictNumber]


def to_date_time(timestamp: Timestamp | None) -> str | None:
    """Return a timestamp as RFC 3339, or None."""
    return None if timestamp is None else rfc_3339(timestamp)


def to_timestamp(time: datetime | None) -> Timestamp | None:
    """Return a time of a request as a timestamp, or None."""
    return None if time is None else from_datetime(time)

"""Fields of resources that seed file and control API check alike."""

from typing import Annotated

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from pydantic import AfterValidator, Field

from ringback.domain.caller_ids import FRIENDLY_NAME_MAX_CHARACTERS, friendly_name_fault

SPECIAL_USE_DOMAIN_NAMES.clear()  # test, localhost, invalid: just what owners of test accounts are called after

PHONE_EXTENSION_PATTERN = r"^[0-9#*]{1,50}$"


def _friendly_name(value: str) -> str:
    fault = friendly_name_fault(value)
    if fault:
        raise ValueError(fault)
    return value


def _email(value: str) -> str:
    try:
        return validate_email(value, check_deliverability=False, globally_deliverable=False).normalized
    except EmailNotValidError as error:
        raise ValueError(str(error)) from error


FriendlyName = Annotated[
    str,
    AfterValidator(_friendly_name),
    Field(json_schema_extra={"minLength": 1, "maxLength": FRIENDLY_NAME_MAX_CHARACTERS}),
]
EmailAddress = Annotated[str, AfterValidator(_email), Field(json_schema_extra={"format": "email"})]
"""An address that could be one; whether it is anybody's is not asked."""
PhoneExtension = Annotated[str, Field(pattern=PHONE_EXTENSION_PATTERN)]

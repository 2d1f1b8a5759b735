"""What seed file and control API check alike with a library that the settings, read at every start, are not to load."""

from typing import Annotated

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from pydantic import AfterValidator, Field

SPECIAL_USE_DOMAIN_NAMES.clear()  # test, localhost, invalid: just what owners of test accounts are called after

MAX_EMAIL_CHARACTERS = 254
"""Source: RFC 3696, erratum 1690. The library finds that out only when it has looked at all of them."""


def _email(value: str) -> str:
    try:
        return validate_email(value, check_deliverability=False, globally_deliverable=False).normalized
    except EmailNotValidError as error:
        raise ValueError(str(error)) from error


EmailAddress = Annotated[
    str, Field(max_length=MAX_EMAIL_CHARACTERS, json_schema_extra={"format": "email"}), AfterValidator(_email)
]
"""An address that could be one; whether it is anybody's is not asked."""

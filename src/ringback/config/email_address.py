"""Email addresses in the seed file and the control API. A separate module, because the library is slow to import."""

from typing import Annotated

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from pydantic import AfterValidator, Field

SPECIAL_USE_DOMAIN_NAMES.clear()  # allow test, localhost and invalid: test accounts use them

MAX_EMAIL_CHARACTERS = 254
"""Source: RFC 3696, erratum 1690. Checked first: the library parses the whole text before it checks the length."""


def _email(value: str) -> str:
    try:
        return validate_email(value, check_deliverability=False, globally_deliverable=False).normalized
    except EmailNotValidError as error:
        raise ValueError(str(error)) from error


EmailAddress = Annotated[
    str, Field(max_length=MAX_EMAIL_CHARACTERS, json_schema_extra={"format": "email"}), AfterValidator(_email)
]
"""A syntactically valid address; its domain is not looked up."""

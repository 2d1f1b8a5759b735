"""What seed file and control API check alike with a library that the settings, read at every start, are not to load."""

from typing import Annotated

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from pydantic import AfterValidator, Field

SPECIAL_USE_DOMAIN_NAMES.clear()  # test, localhost, invalid: just what owners of test accounts are called after


def _email(value: str) -> str:
    try:
        return validate_email(value, check_deliverability=False, globally_deliverable=False).normalized
    except EmailNotValidError as error:
        raise ValueError(str(error)) from error


EmailAddress = Annotated[str, AfterValidator(_email), Field(json_schema_extra={"format": "email"})]
"""An address that could be one; whether it is anybody's is not asked."""

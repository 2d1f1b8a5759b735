"""Phone numbers: conversion to E.164, and default names."""

import re
from typing import Literal

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat

NumberValidation = Literal["valid", "possible"]

NANP_COUNTRY_CODE = 1
DEFAULT_REGION = "US"
"""The region of numbers without +. Source: docs/fidelity.md, PhoneNumber [page]."""

E164_CHARACTERS = 16
"""Maximum length of an E.164 number: the plus sign and 15 digits."""
RESERVED_PREFIX = "+1500555001"
RESERVED_NUMBERS = frozenset(f"{RESERVED_PREFIX}{digit}" for digit in range(1, 10))
"""The numbers of simulated phones with a fixed behavior. They are always valid, even if the library rejects them."""

_NORTH_AMERICAN_E164 = re.compile(r"\+1[2-9][0-9]{9}")
_WRITTEN_NUMBER = re.compile(r"\+?[0-9 ().\-/]+")


def to_e164(written: str, validation: NumberValidation | None = "valid") -> str | None:
    """Return the E.164 form of a written number, or None if it is invalid.

    A number with ``+`` may be from any country; a number without it must be American: ``(415) 555-1212``, ``1 415 555
    1212``. A number with an extension is invalid. `validation` is ``valid`` to accept numbers that a carrier may
    assign, ``possible`` to accept numbers of a valid length, and None (for lookups) to accept any number that has an
    E.164 form.
    """
    text = written.strip()
    if not _WRITTEN_NUMBER.fullmatch(text):
        return None
    number = _parse(text)
    if number is None:
        return None
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    if len(e164) > E164_CHARACTERS:
        return None
    return e164 if e164 in RESERVED_NUMBERS or _passes(number, validation) else None


def _parse(text: str) -> PhoneNumber | None:
    if _NORTH_AMERICAN_E164.fullmatch(text):  # the same result as the library's, in a tenth of the time
        return PhoneNumber(country_code=NANP_COUNTRY_CODE, national_number=int(text[2:]))
    try:
        number = phonenumbers.parse(text, None if text.startswith("+") else DEFAULT_REGION)
    except NumberParseException:
        return None
    foreign = not text.startswith("+") and number.country_code != NANP_COUNTRY_CODE
    return None if foreign or number.extension else number


def _passes(number: PhoneNumber, validation: NumberValidation | None) -> bool:
    if validation == "valid":  # most numbers are American, and this checks them without looking up the region first
        american = phonenumbers.is_valid_number_for_region(number, DEFAULT_REGION)
        return american or phonenumbers.is_valid_number(number)
    if validation == "possible":
        return phonenumbers.is_possible_number(number)
    return True


def default_friendly_name(e164: str) -> str:
    """Return the default name of a number: ``(510) 555-5555`` in North America, the E.164 form elsewhere.

    Source: docs/fidelity.md, default FriendlyName [page, observed].
    """
    if e164.startswith("+1") and len(e164) == len("+15105555555"):
        return f"({e164[2:5]}) {e164[5:8]}-{e164[8:]}"
    return e164

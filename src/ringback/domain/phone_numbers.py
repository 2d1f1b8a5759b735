"""Phone numbers: read as Twilio reads them, written as E.164, named as Twilio names them."""

import re
from typing import Literal

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat

NumberValidation = Literal["valid", "possible"]

NANP_COUNTRY_CODE = 1
DEFAULT_REGION = "US"
"""Numbers written without + are American. Source: docs/fidelity.md, PhoneNumber [page]."""

E164_CHARACTERS = 16
"""The plus sign and 15 digits at most."""
RESERVED_PREFIX = "+1500555001"
RESERVED_NUMBERS = frozenset(f"{RESERVED_PREFIX}{digit}" for digit in range(1, 9))
"""Simulated phones of fixed behaviour; they pass validation whatever the library thinks of them."""

_NORTH_AMERICAN_E164 = re.compile(r"\+1[2-9][0-9]{9}")
_WRITTEN_NUMBER = re.compile(r"\+?[0-9 ().\-/]+")


def to_e164(written: str, validation: NumberValidation | None = "valid") -> str | None:
    """Return the E.164 form of a number as somebody wrote it, or None when it is none.

    With ``+`` any country's; without, only American forms: ``(415) 555-1212``, ``1 415 555 1212``. An extension
    written into the number makes it none. `validation` says how strict to be: ``valid`` as a carrier assigns them,
    ``possible`` by length alone, None for whatever can be written as E.164 (for look-ups).
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
    if _NORTH_AMERICAN_E164.fullmatch(text):  # what the library would make of it, in a tenth of the time
        return PhoneNumber(country_code=NANP_COUNTRY_CODE, national_number=int(text[2:]))
    try:
        number = phonenumbers.parse(text, None if text.startswith("+") else DEFAULT_REGION)
    except NumberParseException:
        return None
    foreign = not text.startswith("+") and number.country_code != NANP_COUNTRY_CODE
    return None if foreign or number.extension else number


def _passes(number: PhoneNumber, validation: NumberValidation | None) -> bool:
    if validation == "valid":  # most are American, and the library would look that up once more
        american = phonenumbers.is_valid_number_for_region(number, DEFAULT_REGION)
        return american or phonenumbers.is_valid_number(number)
    if validation == "possible":
        return phonenumbers.is_possible_number(number)
    return True


def default_friendly_name(e164: str) -> str:
    """Name a number nobody named: ``(510) 555-5555`` in North America, the E.164 string elsewhere.

    Source: docs/fidelity.md, default FriendlyName [page, observed].
    """
    if e164.startswith("+1") and len(e164) == len("+15105555555"):
        return f"({e164[2:5]}) {e164[5:8]}-{e164[8:]}"
    return e164

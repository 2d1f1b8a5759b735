"""Parsing of phone numbers into E.164, and their default friendly names."""

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ringback.domain.phone_numbers import RESERVED_NUMBERS, NumberValidation, default_friendly_name, to_e164

AMERICAN_FORMS = [
    "+14158675309",
    "+1 415 867 5309",
    "+1 (415) 867-5309",
    "(415) 867-5309",
    "415-867-5309",
    "415.867.5309",
    "415/867/5309",
    "4158675309",
    "14158675309",
    "1 415 867 5309",
    "1-415-867-5309",
    " 14158675309 ",
]


@pytest.mark.parametrize("written", AMERICAN_FORMS)
def test_american_number_formats_are_parsed(written: str) -> None:
    assert to_e164(written) == "+14158675309"


@pytest.mark.parametrize(
    ("written", "e164"),
    [
        ("+44 20 7946 0958", "+442079460958"),
        ("+44 (0)20 7946 0958", "+442079460958"),
        ("+49 30 901820", "+4930901820"),
        ("+39 06 6982", "+39066982"),
        ("+54 9 11 2345 6789", "+5491123456789"),
        ("+1 613 555 0100", "+16135550100"),
        ("+1 242 322 1234", "+12423221234"),
    ],
)
def test_numbers_of_other_countries_are_parsed_with_a_plus(written: str, e164: str) -> None:
    assert to_e164(written) == e164


@pytest.mark.parametrize(
    "written",
    [
        "442079460958",
        "020 7946 0958",
        "011 44 20 7946 0958",
        "00442079460958",
        "0044 20 7946 0958",
    ],
)
def test_numbers_of_other_countries_are_invalid_without_a_plus(written: str) -> None:
    assert to_e164(written) is None


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        "+",
        "-",
        "+1",
        "12345",
        "+1415867530",
        "+141586753091",
        "+11234567890",
        "+999123456789",
        "+0014158675309",
        "++14158675309",
        "+1+4158675309",
        "415-867-5309 x12",
        "415-867-5309 ext. 12",
        "+14158675309;ext=12",
        "tel:+14158675309",
        "1-800-FLOWERS",
        "\uff0b14158675309",
        "+\u0661\u0664\u0661\u0665\u0668\u0666\u0667\u0665\u0663\u0660\u0669",
        "+14158675309\n+14158675309",
        "call me",
        "1" * 300,
    ],
)
def test_malformed_numbers_are_invalid(written: str) -> None:
    assert to_e164(written) is None


@pytest.mark.parametrize("number", sorted(RESERVED_NUMBERS))
@pytest.mark.parametrize("validation", ["valid", "possible", None])
def test_reserved_numbers_are_valid_with_every_validation(number: str, validation: NumberValidation | None) -> None:
    assert to_e164(number, validation) == number


@pytest.mark.parametrize("written", ["5005550011", "1 (500) 555-0011", "+1 500 555 0011"])
def test_reserved_number_is_parsed_in_any_form(written: str) -> None:
    assert to_e164(written) == "+15005550011"


@pytest.mark.parametrize("number", ["+11234567890", "+15555555555"])
def test_possible_number_needs_only_a_valid_length(number: str) -> None:
    assert to_e164(number, "valid") is None
    assert to_e164(number, "possible") == number


@pytest.mark.parametrize("number", ["+1415867530", "+141586753091"])
def test_number_of_the_wrong_length_is_not_possible(number: str) -> None:
    assert to_e164(number, "possible") is None


def test_lookup_accepts_any_number_with_an_e164_form() -> None:
    assert to_e164("+1415867", None) == "+1415867"
    assert to_e164("nonsense", None) is None


@given(st.text("+0123456789 ()-./x", max_size=24), st.sampled_from(["valid", "possible"]))
def test_parsed_number_is_unchanged_when_it_is_parsed_again(written: str, validation: NumberValidation) -> None:
    e164 = to_e164(written, validation)

    assert e164 is None or to_e164(e164, validation) == e164


@given(st.from_regex(r"\+1[2-9][0-9]{9}", fullmatch=True))
@example("+14158675309")
@example("+16042345678")
@example("+18765551234")
@example("+19998765432")
def test_north_american_number_is_valid_if_the_library_accepts_it(written: str) -> None:
    number = phonenumbers.parse(written, None)

    expected = written if phonenumbers.is_valid_number(number) or written in RESERVED_NUMBERS else None

    assert to_e164(written) == expected
    assert to_e164(written, "possible") == written
    assert phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) == written


@given(st.from_regex(r"\+[1-9][0-9]{6,17}", fullmatch=True), st.sampled_from(["valid", "possible"]))
@example("+49333333333333333", "valid")
def test_valid_number_has_at_most_15_digits(written: str, validation: NumberValidation) -> None:
    e164 = to_e164(written, validation)

    assert e164 is None or len(e164) <= len("+123456789012345")


@pytest.mark.parametrize(
    ("e164", "name"),
    [
        ("+15105555555", "(510) 555-5555"),
        ("+16135550100", "(613) 555-0100"),
        ("+12423221234", "(242) 322-1234"),
        ("+15005550011", "(500) 555-0011"),
        ("+442079460958", "+442079460958"),
        ("+81312345678", "+81312345678"),
        ("+1415867", "+1415867"),
    ],
)
def test_default_name_is_the_american_form_or_e164(e164: str, name: str) -> None:
    assert default_friendly_name(e164) == name

"""The geographic names of a phone number, which must equal those of phonenumbers' geocoder."""

import subprocess
import sys

import phonenumbers
import pytest

from ringback.domain.geography import STATE_CODES, Geography, geography
from support.waiting import PROGRAM_SECONDS

COMPARED = [
    "+14158675309",
    "+12125551234",
    "+12024561111",
    "+17185551234",
    "+18005551212",
    "+16135550100",
    "+14165550123",
    "+12423221234",
    "+442079460958",
    "+4930901820",
    "+390669821234",
    "+390862123456",
    "+81312345678",
    "+33142685300",
    "+5511987654321",
    "+61292501234",
    "+919812345678",
]


def test_geography_equals_that_of_the_librarys_geocoder() -> None:
    from phonenumbers import geocoder  # noqa: PLC0415 - it loads the place names of all languages

    for number in COMPARED:
        parsed = phonenumbers.parse(number)
        place = geography(number)
        described = geocoder.description_for_number(parsed, "en")
        country = geocoder.country_name_for_number(parsed, "en")

        said = f"{place.city}, {place.state}" if place.city and place.state else place.city or place.state
        expected = STATE_CODES.get(described, "" if described == country else described)
        assert said == expected, number
        assert place.country == (phonenumbers.region_code_for_number(parsed) or ""), number


@pytest.mark.parametrize(
    ("number", "place"),
    [
        ("+12125551234", Geography("New York", "NY", "", "US")),
        ("+14157234000", Geography("", "CA", "", "US")),
        ("+12024561111", Geography("", "DC", "", "US")),
        ("+16135550100", Geography("", "ON", "", "CA")),
        ("+442079460958", Geography("London", "", "", "GB")),
        ("+81312345678", Geography("Tokyo", "", "", "JP")),
        ("+390862123456", Geography("L'Aquila", "", "", "IT")),
        ("+5511987654321", Geography("São Paulo", "", "", "BR")),
        ("+18005551212", Geography("", "", "", "US")),
        ("+15005550011", Geography("", "", "", "US")),
        ("+80012345678", Geography()),
        ("+11234567890", Geography()),
    ],
)
def test_known_parts_of_a_geography_are_returned_and_the_others_are_empty(number: str, place: Geography) -> None:
    assert geography(number) == place


def test_place_names_of_all_languages_are_not_loaded() -> None:
    program = (
        "import sys; from ringback.domain.geography import geography; print(geography('+12125551234').city);"
        "print([name for name in sys.modules if name.startswith(('phonenumbers.geodata', 'phonenumbers.geocoder'))])"
    )

    printed = subprocess.run(  # noqa: S603
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=PROGRAM_SECONDS
    )

    assert printed.stdout == "New York\n[]\n"

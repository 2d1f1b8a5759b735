"""The city, state and country of a phone number, as far as the phonenumbers library knows them.

The library has functions for this, but importing `phonenumbers.geocoder` loads all place names in every language, which
takes 100 MB and half a second. `place_names.txt`, generated from the library's data, has the English names.

Each line of the file describes an area: the first digits of its numbers, then its places. Each place consists of a tab,
its name and a semicolon, then the remaining digits of each of its prefixes, each followed by a semicolon. The remaining
digits may be empty: ``1212<tab>New York, NY;;``.
"""

from bisect import bisect_left
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import phonenumbers

PLACE_NAMES = Path(__file__).with_name("place_names.txt")
AREA_DIGITS = 4
LONGEST_PREFIX_DIGITS = 9
SHORTEST_PREFIX_DIGITS = 3
CACHED_AREAS = 32
"""Maximum number of cached lines. A lookup searches the same line for several prefixes. The longest line is 270 KB."""
NO_COUNTRY = frozenset({"", "001"})
"""Region codes of numbers that do not belong to a country: the region is unknown, or an international network."""
COUNTRIES_WITH_STATES = frozenset({"US", "CA"})


@dataclass(frozen=True, slots=True)
class Geography:
    """A number's location. Unknown fields are empty. `state` and `country` are two-letter codes where they exist."""

    city: str = ""
    state: str = ""
    zip: str = ""
    country: str = ""


@lru_cache(maxsize=4096)
def geography(e164: str) -> Geography:
    """Return the location of an E.164 number. The zip code is always empty.

    The first call reads the file of place names; the first call for a country loads the library's data about it.
    """
    try:
        number = phonenumbers.parse(e164, None)
    except phonenumbers.NumberParseException:
        return Geography()
    country = phonenumbers.region_code_for_number(number) or ""
    if country in NO_COUNTRY:
        return Geography()
    place = _place_name(e164.removeprefix("+"))
    if country not in COUNTRIES_WITH_STATES:
        return Geography(city=place, country=country)
    if place in STATE_CODES:
        return Geography(state=STATE_CODES[place], country=country)
    city, _, state = place.partition(", ")
    return Geography(city=city, state=state, country=country)


@lru_cache(maxsize=4096)
def country_of(e164: str) -> str:
    """Return the two-letter code of a number's country, or an empty string if it does not belong to one.

    For an invalid number, return the main country of its calling code.
    """
    try:
        number = phonenumbers.parse(e164, None)
    except phonenumbers.NumberParseException:
        return ""
    calling_code = number.country_code or 0
    country = phonenumbers.region_code_for_number(number) or phonenumbers.region_code_for_country_code(calling_code)
    return "" if country in NO_COUNTRY else str(country)


def _place_name(digits: str) -> str:
    """Return the place name for the longest known prefix of `digits`, or an empty string."""
    for length in range(min(LONGEST_PREFIX_DIGITS, len(digits)), SHORTEST_PREFIX_DIGITS - 1, -1):
        prefix = digits[:length].encode()
        places = _places(prefix[:AREA_DIGITS])
        end = places.find(b";%b;" % prefix[AREA_DIGITS:])
        if end >= 0:
            return places[places.rfind(b"\t", 0, end) + 1 : end].partition(b";")[0].decode()
    return ""


@lru_cache(maxsize=CACHED_AREAS)
def _places(area: bytes) -> bytes:
    """Find the line for an area by bisection; the lines are sorted. Return an empty string for an unknown area."""
    data, line_start = _data(), area + b"\t"

    def line_at(position: int) -> bytes:
        start = data.rfind(b"\n", 0, position) + 1
        return data[start : start + len(line_start)]

    start = bisect_left(range(len(data)), line_start, key=line_at)
    return data[start : data.find(b"\n", start)] if data.startswith(line_start, start) else b""


@cache
def _data() -> bytes:
    """Read the 2 MB file of place names."""
    return PLACE_NAMES.read_bytes()


STATE_CODES = {
    "Alabama": "AL",
    "Alaska": "AK",
    "Arizona": "AZ",
    "Arkansas": "AR",
    "California": "CA",
    "Colorado": "CO",
    "Connecticut": "CT",
    "Delaware": "DE",
    "District of Columbia": "DC",
    "Washington D.C.": "DC",
    "Florida": "FL",
    "Georgia": "GA",
    "Hawaii": "HI",
    "Idaho": "ID",
    "Illinois": "IL",
    "Indiana": "IN",
    "Iowa": "IA",
    "Kansas": "KS",
    "Kentucky": "KY",
    "Louisiana": "LA",
    "Maine": "ME",
    "Maryland": "MD",
    "Massachusetts": "MA",
    "Michigan": "MI",
    "Minnesota": "MN",
    "Mississippi": "MS",
    "Missouri": "MO",
    "Montana": "MT",
    "Nebraska": "NE",
    "Nevada": "NV",
    "New Hampshire": "NH",
    "New Jersey": "NJ",
    "New Mexico": "NM",
    "New York": "NY",
    "North Carolina": "NC",
    "North Dakota": "ND",
    "Ohio": "OH",
    "Oklahoma": "OK",
    "Oregon": "OR",
    "Pennsylvania": "PA",
    "Rhode Island": "RI",
    "South Carolina": "SC",
    "South Dakota": "SD",
    "Tennessee": "TN",
    "Texas": "TX",
    "Utah": "UT",
    "Vermont": "VT",
    "Virginia": "VA",
    "Washington State": "WA",
    "Washington": "WA",
    "West Virginia": "WV",
    "Wisconsin": "WI",
    "Wyoming": "WY",
    "Alberta": "AB",
    "British Columbia": "BC",
    "British Colombia": "BC",
    "Manitoba": "MB",
    "New Brunswick": "NB",
    "Newfoundland and Labrador": "NL",
    "Nova Scotia": "NS",
    "Ontario": "ON",
    "Prince Edward Island": "PE",
    "Quebec": "QC",
    "Saskatchewan": "SK",
}
"""The two-letter codes of the states and provinces of the United States and Canada, by the library's names."""

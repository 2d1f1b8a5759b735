"""Where a number is at home, as far as the phonenumbers library knows.

`phonenumbers.geocoder` answers that too, but importing it loads every place name of the world in every language:
100 MB and half a second. Its data lie sorted in modules of ten thousand prefixes each, one a line; this reads, when a
number asks for them, the one or two that can hold its prefixes, as text, and evaluates the English names it needs.
"""

import re
from ast import literal_eval
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import phonenumbers

from ringback.domain.us_states import US_STATE_CODES

LONGEST_PREFIX_DIGITS = 9
SHORTEST_PREFIX_DIGITS = 3
CACHED_CHUNKS = 8
"""Some 1.5 MB each."""

_FIRST_PREFIX = re.compile(r"^ '([0-9]+)':", re.MULTILINE)
_ENGLISH_NAME = re.compile(r"""'en': (?:u\()?('(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")""")
_HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Geography:
    """A number's home; what is not known is empty. `state` and `country` are two-letter codes where they exist."""

    city: str = ""
    state: str = ""
    zip: str = ""
    country: str = ""


@lru_cache(maxsize=4096)
def geography(e164: str) -> Geography:
    """Return where an E.164 number is at home. Zip codes are known of no number."""
    try:
        number = phonenumbers.parse(e164, None)
    except phonenumbers.NumberParseException:
        return Geography()
    country = phonenumbers.region_code_for_number(number) or ""
    if country in ("", "001"):
        return Geography()
    place = _place_name(e164.removeprefix("+"))
    if country not in ("US", "CA"):
        return Geography(city=place, country=country)
    if place in US_STATE_CODES:
        return Geography(state=US_STATE_CODES[place], country=country)
    city, _, state = place.partition(", ")
    return Geography(city=city, state=state, country=country)


def _place_name(digits: str) -> str:
    """Return the English name of the longest known prefix of `digits`, or an empty string."""
    for length in range(min(LONGEST_PREFIX_DIGITS, len(digits)), SHORTEST_PREFIX_DIGITS - 1, -1):
        english = _ENGLISH_NAME.search(_line_of(digits[:length]))
        if english:
            return str(literal_eval(english[1]))
    return ""


def _line_of(prefix: str) -> str:
    """Return the line of the data that tells a prefix's names, or an empty string."""
    chunks = _chunks()
    position = bisect_right(chunks, (prefix, Path("~"))) - 1
    if position < 0:
        return ""
    lines, begin = _read_chunk(chunks[position][1]), f" '{prefix}':"
    found = bisect_left(lines, begin)
    return lines[found] if found < len(lines) and lines[found].startswith(begin) else ""


@cache
def _chunks() -> list[tuple[str, Path]]:
    """List the library's data modules as (first prefix, file), sorted; empty where it ships none as source."""
    files = Path(phonenumbers.__file__).with_name("geodata").glob("data*.py")
    found = ((_FIRST_PREFIX.search(_head(file)), file) for file in files)
    return sorted((match[1], file) for match, file in found if match)


def _head(file: Path) -> str:
    with file.open(encoding="utf-8") as source:
        return source.read(_HEAD_BYTES)


@lru_cache(maxsize=CACHED_CHUNKS)
def _read_chunk(file: Path) -> list[str]:
    """Return a data module's lines of prefixes, sorted as they stand."""
    return [line for line in file.read_text(encoding="utf-8").splitlines() if line.startswith(" '")]

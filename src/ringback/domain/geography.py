"""Where a number is at home, as far as the phonenumbers library knows.

`phonenumbers.geocoder` answers that too, but importing it loads every place name of the world in every language:
100 MB and half a second. Its data lie sorted in modules of ten thousand prefixes each; this reads, when a number
asks for them, the one or two that can hold its prefixes, and keeps their English names.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

import phonenumbers

from ringback.domain.us_states import US_STATE_CODES

LONGEST_PREFIX_DIGITS = 9
SHORTEST_PREFIX_DIGITS = 3
CACHED_CHUNKS = 8
"""Some 1.5 MB each."""

_FIRST_PREFIX = re.compile(r"^ '(\d+)':", re.MULTILINE)
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
    number = phonenumbers.parse(e164, None)
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
        prefix = digits[:length]
        name = _names_near(prefix).get(prefix)
        if name:
            return name
    return ""


def _names_near(prefix: str) -> dict[str, str]:
    """Return the names of the data module in whose range `prefix` falls."""
    chunks = _chunks()
    position = bisect_right(chunks, (prefix, Path("~"))) - 1
    return _read_chunk(chunks[position][1]) if position >= 0 else {}


@cache
def _chunks() -> list[tuple[str, Path]]:
    """List the library's data modules as (first prefix, file), sorted; empty where it ships none as source."""
    spec = find_spec("phonenumbers.geodata")
    folders = (spec.submodule_search_locations if spec else None) or []
    files = [file for folder in folders for file in Path(folder).glob("data*.py")]
    found = ((_FIRST_PREFIX.search(_head(file)), file) for file in files)
    return sorted((match[1], file) for match, file in found if match)


def _head(file: Path) -> str:
    with file.open(encoding="utf-8") as source:
        return source.read(_HEAD_BYTES)


@lru_cache(maxsize=CACHED_CHUNKS)
def _read_chunk(file: Path) -> dict[str, str]:
    spec = spec_from_file_location(f"phonenumbers.geodata.{file.stem}", file)
    if spec is None or spec.loader is None:
        return {}
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return {prefix: names["en"] for prefix, names in module.data.items() if "en" in names}

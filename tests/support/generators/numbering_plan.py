r"""Generates the phone page's numbering plan from phonenumbers: ``python -m tests.support.generators.numbering_plan``.

The page formats numbers as libphonenumber does, offline, in some thirty lines of code. For that it needs a line for
each calling code: its main region, the formats in order, and patterns of the other regions that share the code,
separated by spaces: ``"44":"GB 8001111:34 800:36 … GG=1481[25-9].{5}|…"``.

A format is `leading:groups`. `leading` is a pattern of the number's first digits. `groups` has an entry for each group:
one character for its length ("d" for thirteen), or two for its minimum and maximum, followed by the separator unless
that is a space: "3-34,5" for `(\d{3})(\d{3})(\d{4,5})`, written "$1-$2 $3".

Patterns are only matched against digits, and their groups are never captured: `.` stands for a digit, `(` opens a
group.
"""

import json
import re
import sys

from phonenumbers import (
    COUNTRY_CODE_TO_REGION_CODE,
    NumberFormat,
    PhoneMetadata,
    example_number,
    region_code_for_number,
)

NO_COUNTRY = "001"
NOT_DIALLED = "NA"
LENGTHS = "0123456789abcdefgh"
"""Characters that encode lengths."""
_KINDS = ("fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "personal_number", "voip", "pager", "uan")
_GROUP = re.compile(r"\\(\d)")
_LENGTHS = re.compile(r"\(\\d(?:\{(\d+)(?:,(\d+))?\})?\)")
_INVALID_CHARACTERS = re.compile(r"\(\?|[\\ :=]")
"""Syntax that patterns in the plan must not contain: it is abbreviated, or separates patterns."""


def plan() -> dict[str, str]:
    """Return the numbering plan by calling code."""
    return {
        str(code): " ".join((regions[0], *_formats(regions[0]), *_others(regions)))
        for code, regions in sorted(COUNTRY_CODE_TO_REGION_CODE.items())
        if regions[0] != NO_COUNTRY
    }


def document() -> str:
    """Return the plan as JSON, one line per calling code."""
    lines = (f'"{code}":{json.dumps(entry)}' for code, entry in plan().items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _formats(region: str) -> list[str]:
    metadata = PhoneMetadata.metadata_for_region(region)
    assert metadata is not None
    formats = metadata.intl_number_format or metadata.number_format
    return [_format(found) for found in formats if found.format != NOT_DIALLED]


def _format(found: NumberFormat) -> str:
    leading = found.leading_digits_pattern[-1] if found.leading_digits_pattern else ""
    lengths = _LENGTHS.findall(found.pattern or "")
    between = _GROUP.split(found.format or "")
    assert not _LENGTHS.sub("", found.pattern or ""), f"groups are not sequences of digits: {found.pattern}"
    assert between[1::2] == [str(number) for number in range(1, len(lengths) + 1)], (
        f"groups in another order: {found.format}"
    )
    groups = (_length(*length) + separator.strip() for length, separator in zip(lengths, between[2::2], strict=True))
    return f"{_dense(leading)}:{''.join(groups)}"


def _length(shortest: str, longest: str) -> str:
    length = LENGTHS[int(shortest or "1")]
    return f"{length},{LENGTHS[int(longest)]}" if longest else length


def _dense(pattern: str) -> str:
    dense = pattern.replace("(?:", "(").replace(r"\d", ".")
    assert not _INVALID_CHARACTERS.search(dense), f"invalid syntax for the plan: {pattern}"
    return dense


def _others(regions: tuple[str, ...]) -> list[str]:
    return [f"{region}={_dense(_tell(region))}" for region in regions[1:] if _is_recognizable(region)]


def _is_recognizable(region: str) -> bool:
    """Return whether libphonenumber assigns a region's numbers to that region: numbers can match several regions."""
    example = example_number(region)
    return example is not None and region_code_for_number(example) == region


def _tell(region: str) -> str:
    metadata = PhoneMetadata.metadata_for_region(region)
    assert metadata is not None
    if metadata.leading_digits:
        return str(metadata.leading_digits)
    kinds = (getattr(metadata, kind) for kind in _KINDS)
    patterns = (kind.national_number_pattern for kind in kinds if kind and kind.national_number_pattern)
    return "|".join(dict.fromkeys(patterns))


if __name__ == "__main__":
    sys.stdout.write(document())

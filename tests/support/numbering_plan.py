r"""Makes the phone page's numbering plan from phonenumbers: ``python -m tests.support.numbering_plan``.

The page is to write numbers as libphonenumber does, offline, in some thirty lines of its own. What it needs is a line
for each calling code: its main region, the formats [leading digits, groups, separators] in their order, and how to
tell the other regions that share the code.

Groups are lengths, "3 3,4" for `(\d{3})(\d{3,4})`, or a pattern where it is no such simple one; of what is written
between the groups a format tells the replacement "$1-$2" unless it is blanks.
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
_KINDS = ("fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "personal_number", "voip", "pager", "uan")
_GROUP = re.compile(r"\\(\d)")
_LENGTHS = re.compile(r"\(\\d(?:\{([\d,]+)\})?\)")

Format = list[str]


def plan() -> dict[str, tuple[str, list[Format], dict[str, str]]]:
    """Return the numbering plan by calling code."""
    return {
        str(code): (
            regions[0],
            _formats(regions[0]),
            {region: _tell(region) for region in regions[1:] if _is_told(region)},
        )
        for code, regions in sorted(COUNTRY_CODE_TO_REGION_CODE.items())
        if regions[0] != NO_COUNTRY
    }


def document() -> str:
    """Return the plan as JSON, a calling code a line."""
    lines = (f"{json.dumps(code)}:{json.dumps(entry, separators=(',', ':'))}" for code, entry in plan().items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _formats(region: str) -> list[Format]:
    metadata = PhoneMetadata.metadata_for_region(region)
    assert metadata is not None
    formats = metadata.intl_number_format or metadata.number_format
    return [_format(found) for found in formats if found.format != NOT_DIALLED]


def _format(found: NumberFormat) -> Format:
    pattern, replacement = found.pattern or "", _GROUP.sub(r"$\1", found.format or "")
    leading = found.leading_digits_pattern[-1] if found.leading_digits_pattern else ""
    lengths = [length or "1" for length in _LENGTHS.findall(pattern)]
    is_simple = not _LENGTHS.sub("", pattern)
    blanks = " ".join(f"${number}" for number in range(1, len(lengths) + 1))
    groups = " ".join(lengths) if is_simple else pattern
    return [leading, groups] if is_simple and replacement == blanks else [leading, groups, replacement]


def _is_told(region: str) -> bool:
    """Tell whether libphonenumber finds a region by its numbers, rather than another that they fit as well."""
    example = example_number(region)
    return example is not None and region_code_for_number(example) == region


def _tell(region: str) -> str:
    metadata = PhoneMetadata.metadata_for_region(region)
    assert metadata is not None
    if metadata.leading_digits:
        return str(metadata.leading_digits)
    kinds = (getattr(metadata, kind) for kind in _KINDS)
    return "|".join(kind.national_number_pattern for kind in kinds if kind and kind.national_number_pattern)


if __name__ == "__main__":
    sys.stdout.write(document())

"""Consistency of the phone page's numbering plan with phonenumbers."""

from pathlib import Path

import ringback.phone_page
from support.generators.numbering_plan import document, plan

FILE = Path(ringback.phone_page.__file__).parent / "static" / "numbering-plan.json"
MAX_BYTES = 19_000


def test_numbering_plan_equals_the_output_of_make_docs() -> None:
    assert FILE.read_text(encoding="utf-8") == document()


def test_numbering_plan_distinguishes_countries_with_the_same_calling_code() -> None:
    main, *rules = plan()["44"].split(" ")

    assert main == "GB"
    assert {rule.partition("=")[0] for rule in rules if "=" in rule} == {"GG", "IM", "JE"}


def test_number_format_consists_of_leading_digits_and_groups() -> None:
    assert plan()["1"].split(" ")[:3] == ["US", "310:3-4", "[2-9]:3-3-4"]
    assert plan()["49"].split(" ")[:2] == ["DE", "3[02]|40|[68]9:23,d"]


def test_numbering_plan_is_small() -> None:
    assert FILE.stat().st_size < MAX_BYTES

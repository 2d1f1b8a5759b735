"""The phone page's numbering plan is the one that phonenumbers has."""

from pathlib import Path

import ringback.phone_page
from support.numbering_plan import document, plan

FILE = Path(ringback.phone_page.__file__).parent / "static" / "numbering-plan.json"


def test_the_file_is_what_make_docs_writes() -> None:
    assert FILE.read_text(encoding="utf-8") == document()


def test_it_tells_the_countries_that_share_a_calling_code_apart() -> None:
    main, _, others = plan()["44"]

    assert main == "GB"
    assert set(others) == {"GG", "IM", "JE"}

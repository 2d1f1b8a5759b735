"""Consistency of the file of place names with phonenumbers."""

import re
from importlib.metadata import version
from pathlib import Path

import ringback
from ringback.domain.geography import PLACE_NAMES

CONSTRAINTS = Path(ringback.__file__).parents[2] / "constraints.txt"


def test_place_names_file_has_the_version_pinned_in_constraints() -> None:
    pinned = re.search(r"^phonenumbers==(\S+)$", CONSTRAINTS.read_text(encoding="utf-8"), re.MULTILINE)
    assert pinned is not None

    header = PLACE_NAMES.read_bytes().partition(b"\n")[0].decode()

    assert f" from phonenumbers {pinned[1]} " in header, "run `make docs` after changing the pinned version"


def test_place_names_file_equals_the_output_of_make_docs() -> None:
    from support.generators.place_names import document  # noqa: PLC0415 - importing it loads the place names of all languages

    is_current = PLACE_NAMES.read_text(encoding="utf-8").splitlines()[1:] == document().splitlines()[1:]

    assert is_current, (
        f"{PLACE_NAMES.name} differs from what phonenumbers {version('phonenumbers')} knows: run `make docs` with the "
        "version pinned in constraints.txt"
    )

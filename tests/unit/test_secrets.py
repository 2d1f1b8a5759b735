"""Masking of passwords in URLs, anywhere in a text of any length."""

import subprocess
import sys

import pytest

from ringback.domain.secrets import is_one_of, mask_user_info
from support.waiting import PROGRAM_SECONDS

MASKING = """
from ringback.domain.secrets import mask_user_info
mask_user_info({expression}, 1_000)
"""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://user:pw@app.test/x", "http://***@app.test/x"),
        ("HTTPS://user@app.test", "HTTPS://***@app.test"),
        ("http://a@b@c@app.test/?x=@", "http://***@app.test/?x=@"),
        ("http://app.test/a@b", "http://app.test/a@b"),
        ("http://app.test?a@b", "http://app.test?a@b"),
        ("see http://a:b@c and http://d:e@f", "see http://***@c and http://***@f"),
        ("mail a@b", "mail a@b"),
        ("", ""),
    ],
)
def test_user_info_is_the_only_masked_part_of_urls(text: str, shown: str) -> None:
    assert mask_user_info(text) == shown


@pytest.mark.parametrize("text", ["http://" + "p" * 5_000 + "@app.test", "http://p@" * 5_000, "a" * 995 + "http://p@x"])
def test_truncated_text_shows_no_password(text: str) -> None:
    shown = mask_user_info(text, 1_000)

    assert shown == mask_user_info(text)[:1_000]
    assert "p" not in shown.replace("http", "").replace("app.test", "")


@pytest.mark.parametrize(
    "expression", ["'http://@' * 131_072", "'http://' + 'a@' * 524_288", "'http://' * 150_000 + 'a@'"]
)
def test_long_text_is_masked_in_linear_time(expression: str) -> None:
    command = [sys.executable, "-c", MASKING.format(expression=expression)]

    # This takes some ten milliseconds. In quadratic time, it would take hours and the test would time out.
    subprocess.run(command, check=True, timeout=PROGRAM_SECONDS)  # noqa: S603


@pytest.mark.parametrize(("given", "is_known"), [("one", True), ("two", True), ("three", False), ("", False)])
def test_secret_is_accepted_if_it_equals_one_of_the_known_secrets(given: str, is_known: bool) -> None:  # noqa: FBT001
    assert is_one_of(("one", "two"), given) is is_known
    assert not is_one_of((), given)

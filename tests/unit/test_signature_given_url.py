"""Verdicts on invalid signatures that are valid for another URL: the StatusCallback URL as the sender was given it."""

import pytest

from ringback.domain.signature_check import SignatureVerdict
from support.http.signed_requests import verdict

GIVEN = "https://me:secret@public.test/hooks?a=1#rc=2"
SIGNED = "https://public.test/hooks?a=1"
WORDS = f"it was signed for the StatusCallback URL as it was given, {SIGNED}"


def test_verdict_on_a_post_names_the_given_url_with_its_query() -> None:
    told = verdict(f"{SIGNED}x1", "/inbox/x", "x=1", given_url=GIVEN)

    assert told == SignatureVerdict(
        is_valid=False,
        signed_url="http://app.test/inbox/x",
        explanation=f"The signature is valid for {SIGNED}: {WORDS}.",
        matching_url=SIGNED,
        difference=WORDS,
    )


def test_verdict_on_a_get_names_the_given_url_with_the_parameters() -> None:
    told = verdict(f"{SIGNED}&x=1", "/inbox/x?a=1&x=1", method="GET", headers=(), given_url=GIVEN)

    assert (told.is_valid, told.matching_url, told.difference) == (False, f"{SIGNED}&x=1", WORDS)


def test_likelier_difference_is_named_instead_of_the_given_url() -> None:
    told = verdict("https://app.test/x", given_url="https://app.test/x")

    assert told.difference == "the receiver sees http, the sender was given https (does a proxy terminate TLS?)"


@pytest.mark.parametrize(
    "given_url", [None, "", "no URL", "http://", "https://[::1", "\udcff", "https://public.test/other"]
)
def test_unrelated_url_is_not_named(given_url: str | None) -> None:
    told = verdict(f"{SIGNED}x1", "/inbox/x", "x=1", given_url=given_url)

    assert (told.is_valid, told.matching_url) == (False, None)

"""Parsing of the Authorization header."""

import base64

import pytest

from ringback.domain.errors import TwilioError
from ringback.twilio_api.authentication import AccessToken, credentials_of


def basic(text: str) -> bytes:
    return b"Basic " + base64.b64encode(text.encode())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (basic("AC1:token"), ("AC1", "token")),
        (basic("AC1:to:ken"), ("AC1", "to:ken")),
        (basic("AC1:"), ("AC1", "")),
        (basic(":"), ("", "")),
        (basic("\u00fcser:p\u00e4ss"), ("\u00fcser", "p\u00e4ss")),
        (b"basic " + base64.b64encode(b"AC1:token"), ("AC1", "token")),
        (b"  BASIC   " + base64.b64encode(b"AC1:token") + b" ", ("AC1", "token")),
    ],
)
def test_basic_credentials_are_read(value: bytes, expected: tuple[str, str]) -> None:
    assert credentials_of([(b"host", b"x"), (b"authorization", value)]) == expected


@pytest.mark.parametrize(
    ("value", "token"),
    [
        (b"Bearer a.b.c", "a.b.c"),
        (b" BEARER   a.b.c ", "a.b.c"),
        (b"Bearer abc", "abc"),
        (b"bearer \xff.\xff.\xff", "\xff.\xff.\xff"),
    ],
)
def test_access_token_is_parsed(value: bytes, token: str) -> None:
    assert credentials_of([(b"authorization", value)]) == AccessToken(token)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"host", b"x")],
        [(b"authorization", b"")],
        [(b"authorization", b"Basic")],
        [(b"authorization", b"Basic ")],
        [(b"authorization", b"Digest abc")],
        [(b"authorization", b"Bearer")],
        [(b"authorization", b"Bearer ")],
        [(b"authorization", b"Basic not/base64!")],
        [(b"authorization", b"Basic QUMx")],
        [(b"authorization", b"Basic QUMxOg=")],
        [(b"authorization", b"Basic " + base64.b64encode(b"\xff\xfe:\xff"))],
        [(b"authorization", b"Digest abc"), (b"authorization", basic("AC1:token"))],
    ],
)
def test_missing_or_malformed_credentials_are_rejected(headers: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(TwilioError) as refusal:
        credentials_of(headers)

    assert (refusal.value.status, refusal.value.code) == (401, 20003)
    assert refusal.value.message == "Authentication Error - No credentials provided"

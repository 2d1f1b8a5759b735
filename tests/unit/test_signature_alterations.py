"""Verdicts that name each known difference between the signed and the received request."""

import base64
from typing import Any

import pytest

from ringback.domain.signature_alterations import CHANGES
from support.http.signed_requests import verdict

BASIC = ("Authorization", "Basic " + base64.b64encode(b"me:s@y").decode())
ORIGIN_CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("the sender was given https", "https://app.test/x", {}),
    ("the sender was given http ", "http://app.test/x", {"scheme": "https"}),
    ("host of X-Forwarded-Host", "http://a.test/x", {"headers": (("X-Forwarded-Host", "a.test, b.test"),)}),
    ("host of X-Original-Host", "http://a.test/x", {"headers": (("x-original-host", "a.test"),)}),
    ("host of the Forwarded header", "http://a.test/x", {"headers": (("Forwarded", 'for=1.2.3.4;Host="a.test"'),)}),
    ("without the port", "http://app.test/x", {"host": "app.test:8080"}),
    ("without the port", "http://[::1]/x", {"host": "[::1]:8080"}),
    ("default port of its scheme", "http://app.test:80/x", {}),
    ("default port of its scheme", "https://app.test:443/x", {"scheme": "https", "host": "app.test:8443"}),
    ("port of X-Forwarded-Port", "http://app.test:99/x", {"headers": (("X-Forwarded-Port", "99"),)}),
    ("host in lower case", "http://app.test/x", {"host": "App.Test"}),
    ("user name and password", "http://me:s%40y@app.test/x", {"headers": (BASIC,)}),
    (
        "as the X-Forwarded headers describe it",
        "https://a.test:99/api/x",
        {
            "headers": (
                ("X-Forwarded-Proto", "https"),
                ("X-Forwarded-Host", "a.test"),
                ("X-Forwarded-Port", "99"),
                ("X-Forwarded-Prefix", "/api/"),
            )
        },
    ),
    (
        "as the X-Forwarded headers describe it",
        "https://a.test/api/x",
        {
            "headers": (
                ("Forwarded", "proto=https;host=a.test"),
                ("X-Forwarded-Port", "443"),
                ("X-Forwarded-Prefix", "/api"),
            )
        },
    ),
]
PATH_CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("the one in X-Original-URL", "http://app.test/api?q=1", {"headers": (("X-Original-URL", "/api?q=1"),)}),
    ("the one in X-Original-URI", "http://app.test/api", {"headers": (("X-Original-URI", "/api"),)}),
    ("the one in X-Forwarded-URI", "http://app.test/api", {"headers": (("X-Forwarded-Uri", "/api"),)}),
    ("the one in X-Rewrite-URL", "http://app.test/api", {"headers": (("X-Rewrite-Url", "/api"),)}),
    ("the one in X-Envoy-Original-Path", "http://app.test/api", {"headers": (("X-Envoy-Original-Path", "/api"),)}),
    ("without its trailing slash", "http://app.test/x?a=1", {"target": "/x/?a=1"}),
    ("without its trailing slash", "http://app.test", {"target": "/"}),
    ("with a trailing slash", "http://app.test/x/?a=1", {"target": "/x?a=1"}),
    ("path was signed decoded", "http://app.test/a b", {"target": "/a%20b"}),
    ("all but its punctuation encoded", "http://app.test/a%20b:c", {"target": "/a b%3Ac"}),
    ("its punctuation encoded too", "http://app.test/a%3Ab", {"target": "/a:b"}),
    ("percent-encoding in upper case", "http://app.test/%C3?a=%2F", {"target": "/%c3?a=%2f"}),
    ("percent-encoding in lower case", "http://app.test/%c3?a=%2f", {"target": "/%C3?a=%2F"}),
]
QUERY_CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("a trailing '?'", "http://app.test/x?", {}),
    ("parameters sorted", "http://app.test/x?a=1&b=2&c=3", {"target": "/x?b=2&c=3&a=1"}),
    ("parameters in reverse order", "http://app.test/x?b=1&a=2&c=3", {"target": "/x?c=3&a=2&b=1"}),
    ("with %20 for a space, not +", "http://app.test/x?a=b%20%7e", {"target": "/x?a=b+%7e"}),
    ("with + for a space, not %20", "http://app.test/x?a=b+%7e", {"target": "/x?a=b%20%7e"}),
    ("query was signed decoded", "http://app.test/x?a=b+/c", {"target": "/x?a=b+%2Fc"}),
    ("decoded, with + as a space", "http://app.test/x?a=b /c", {"target": "/x?a=b+%2Fc"}),
    ("form-encoded", "http://app.test/x?a=b+%2F", {"target": "/x?a=b%20/"}),
    ("form-encoded, but with %20", "http://app.test/x?a=b%20%3Ac", {"target": "/x?a=b+:c"}),
    ("without empty parameters", "http://app.test/x?b=1", {"target": "/x?a=&b=1"}),
    ("without its query", "http://app.test/x", {"target": "/x?a=1"}),
]
FORM_CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("query's parameters were signed as if", "http://app.test/xa1b2", {"target": "/x?b=2&a=1", "method": "GET"}),
    (
        "signed both in the URL and as if they were posted",
        "http://app.test/x?b=2&a=1a1b2",
        {"target": "/x?b=2&a=1", "method": "GET"},
    ),
    ("in the URL's query, as for a GET", "http://app.test/x?q=0&b=2&a=1", {"target": "/x?q=0", "body": "b=2&a=1"}),
    (
        "but its Content-Type does not say so",
        "http://app.test/xa1b2",
        {"body": "b=2&a=1", "headers": (("Content-Type", "text/plain"),)},
    ),
    ("with + as a plus sign", "http://app.test/xTo+1415a1 2", {"body": "To=+1415&a=1%202"}),
    ("still percent-encoded, as in the body", "http://app.test/xTo%2b1415a%20+", {"body": "To=%2b1415&a=%20+"}),
    ("decoded twice", "http://app.test/xTo+1415", {"body": "To=%252B1415"}),
    ("parameters were signed encoded", "http://app.test/xTo%2B1415a+b", {"body": "To=%2b1415&a=%20b"}),
    ("with %20 for a space, encoded", "http://app.test/xTo%2B1415a%20b", {"body": "To=%2B1415&a=+b"}),
    ("without the white space around", "http://app.test/xa1b2 3", {"body": "a=+1+&b=2+3"}),
    ("without empty ones", "http://app.test/xa1", {"body": "a=1&City=&Zip="}),
    ("only the last of each name", "http://app.test/xa1b2", {"body": "a=3&b=2&a=1"}),
    ("only the first of each name", "http://app.test/xa3b2", {"body": "a=3&b=2&a=1"}),
    ("duplicates removed", "http://app.test/xa1a2", {"body": "a=2&a=1&a=2"}),
    ("not signed, only the URL", "http://app.test/x", {"body": "a=1"}),
    ("in the order received", "http://app.test/xb2a1", {"body": "b=2&a=1"}),
    ("sorted by name only, not by value", "http://app.test/xa2a1b3", {"body": "b=3&a=2&a=1"}),
    ("sorted by name, ignoring case", "http://app.test/xa1B2c3", {"body": "B=2&c=3&a=1"}),
]
CASES = ORIGIN_CASES + PATH_CASES + QUERY_CASES + FORM_CASES


@pytest.mark.parametrize(("difference", "signed", "received"), CASES)
def test_single_signature_difference_is_named(difference: str, signed: str, received: dict[str, Any]) -> None:
    told = verdict(signed, **received)

    assert not told.is_valid
    assert difference in str(told.difference)
    assert ", and " not in str(told.difference)
    assert signed.startswith(told.matching_url or told.signed_url)
    verdict_words = f"valid for {told.matching_url}" if told.matching_url else "wrong"
    assert told.explanation == f"The signature is {verdict_words}: {told.difference}."


def test_every_known_signature_difference_has_a_test_case() -> None:
    named = {verdict(signed, **received).difference for _, signed, received in CASES}

    assert {words for words, _ in CHANGES} == named

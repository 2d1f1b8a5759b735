"""Verdicts on the X-Twilio-Signature of received requests."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain.callback_hops import CallbackHop
from ringback.domain.policies import SignedPort
from ringback.domain.signature_check import (
    MALFORMED,
    MAX_RECONSTRUCTIONS,
    MAX_SIGNED_CHARACTERS,
    MISSING,
    UNEXPLAINED,
    ReceivedRequest,
    SignatureVerdict,
    make_verifier,
    verify_signature,
)
from support.http.signed_requests import FORM_TYPE, TOKEN, sign, verdict

VECTOR_BODY = b"CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212&Caller=%2B14158675309"
PROXY_HEADERS = [
    "Host",
    "Forwarded",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Port",
    "X-Original-URL",
    "Authorization",
    "Content-Type",
    "X-Twilio-Signature",
]
JUNK_TEXT = st.text(st.characters(), max_size=40)


def test_documented_signature_is_valid() -> None:
    headers = (("host", "mycompany.com"), ("x-twilio-signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8="), FORM_TYPE)

    told = verify_signature(ReceivedRequest("POST", "https", b"/myapp.php?foo=1&bar=2", headers, VECTOR_BODY), TOKEN)

    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert told == SignatureVerdict(is_valid=True, signed_url=url, explanation=f"The signature is valid for {url}.")


def test_documented_signature_for_a_tls_proxy_with_a_port_is_explained() -> None:
    headers = (("Host", "mycompany.com:8080"), ("X-Twilio-Signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8="), FORM_TYPE)

    told = verify_signature(ReceivedRequest("POST", "http", b"/myapp.php?foo=1&bar=2", headers, VECTOR_BODY), TOKEN)

    assert told.signed_url == "http://mycompany.com:8080/myapp.php?foo=1&bar=2"
    assert told.matching_url == "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert told.difference == (
        "the receiver sees http, the sender was given https (does a proxy terminate TLS?), "
        "and the URL was signed without the port of the Host header"
    )


def test_invalid_signature_is_explained_in_one_sentence() -> None:
    told = verdict("https://app.test/xa1", body="a=1")

    difference = "the receiver sees http, the sender was given https (does a proxy terminate TLS?)"
    assert told == SignatureVerdict(
        is_valid=False,
        signed_url="http://app.test/x",
        explanation=f"The signature is valid for https://app.test/x: {difference}.",
        matching_url="https://app.test/x",
        difference=difference,
    )


@pytest.mark.parametrize(
    ("name", "value", "explanation"),
    [
        ("X-Other", "", MISSING),
        ("X-Twilio-Signature", " ", MISSING),
        ("X-Twilio-Signature", "bad", MALFORMED),
        ("X-Twilio-Signature", "\u00e9" * 28, MALFORMED),
        ("X-Twilio-Signature", "A" * 27 + "=", UNEXPLAINED),
    ],
)
def test_unexplained_signature_has_no_difference(name: str, value: str, explanation: str) -> None:
    request = ReceivedRequest("POST", "http", b"/x?a=1", (("Host", "app.test"), (name, value)), b"b=2")

    told = verify_signature(request, TOKEN)

    assert told == SignatureVerdict(is_valid=False, signed_url="http://app.test/x?a=1", explanation=explanation)


@pytest.mark.parametrize(
    ("signed", "received", "differences"),
    [
        ("https://app.test/x/a1", {"body": "a=1"}, ["https", "a trailing slash"]),
        ("https://app.test:443/xa1", {"body": "a=1"}, ["https", "default port"]),
        (
            "https://a.test/xa1",
            {"body": "a=1", "headers": (FORM_TYPE, ("X-Forwarded-Host", "a.test"))},
            ["https", "X-Forwarded-Host"],
        ),
        ("http://app.test/x/a1", {"body": "a=+1"}, ["a trailing slash", "white space"]),
        ("http://app.test/x?a=1&b=2b2a1", {"target": "/x?b=2&a=1", "body": "b=2&a=1"}, ["sorted", "order received"]),
    ],
)
def test_signature_with_two_differences_is_explained_by_both(
    signed: str, received: dict[str, Any], differences: list[str]
) -> None:
    told = verdict(signed, **received)

    parts = str(told.difference).split(", and ")
    assert [named in part for named, part in zip(differences, parts, strict=True)] == [True, True]


def test_likeliest_signature_explanation_is_named() -> None:
    headers = (FORM_TYPE, ("X-Forwarded-Proto", "https"))

    told = verdict("https://app.test/x", headers=headers)

    assert "does a proxy terminate TLS?" in str(told.difference)


def test_auth_token_of_another_account_is_named() -> None:
    told = verdict("http://app.test/xa1", body="a=1", token="parents", other_keys={"its parent's token": "parents"})

    assert not told.is_valid
    assert (told.signed_url, told.matching_url) == ("http://app.test/x", None)
    assert told.explanation == "The signature is wrong: it was signed with its parent's token."


def test_auth_token_of_another_account_behind_a_proxy_is_named() -> None:
    told = verdict("https://app.test/xa1", body="a=1", token="parents", other_keys={"its parent's token": "parents"})

    assert told.matching_url == "https://app.test/x"
    assert str(told.difference).endswith(", and it was signed with its parent's token")


def test_unknown_auth_token_is_suggested() -> None:
    told = verdict("http://app.test/x", token="strangers", other_keys={"its parent's token": "parents"})

    assert (told.explanation, told.difference) == (UNEXPLAINED, None)


def test_number_of_tried_auth_tokens_is_limited() -> None:
    tokens = {f"account {number}": str(number) for number in range(MAX_RECONSTRUCTIONS + 1)}

    told = verdict("http://app.test/x", token=str(MAX_RECONSTRUCTIONS), other_keys=tokens)

    assert told.explanation == UNEXPLAINED


def test_huge_body_is_verified_but_not_reconstructed() -> None:
    name = "b" * MAX_SIGNED_CHARACTERS

    right = verdict(f"http://app.test/xa1{name}", body=f"a=1&{name}")
    wrong = verdict(f"https://app.test/xa1{name}", body=f"a=1&{name}")

    assert (right.is_valid, wrong.explanation) == (True, UNEXPLAINED)


def test_host_of_an_absolute_target_is_used() -> None:
    told = verdict("https://a.test/x?b=1", target="HTTPS://a.test/x?b=1", method="GET")

    assert (told.is_valid, told.signed_url) == (True, "https://a.test/x?b=1")


def test_body_of_a_get_is_not_signed() -> None:
    assert verdict("http://app.test/x", body="a=1", method="GET").is_valid


@pytest.mark.parametrize("credentials", ["Basic", "Basic \u00e9", "Basic AAA", "Basic bm9jb2xvbg==", "Bearer bWU6c0B5"])
def test_credentials_of_another_scheme_are_not_user_info(credentials: str) -> None:
    told = verdict("http://me:s%40y@app.test/x", headers=(("Authorization", credentials),))

    assert told.explanation == UNEXPLAINED


@given(
    scheme=st.sampled_from(["http", "https"]),
    host=st.from_regex(r"[A-Za-z0-9.-]{1,20}(:[0-9]{1,5})?", fullmatch=True),
    target=st.from_regex(r"/[A-Za-z0-9/%+._~-]{0,20}(\?[A-Za-z0-9=&%+;/?]{0,20})?", fullmatch=True),
)
def test_request_signed_for_its_url_is_valid(scheme: str, host: str, target: str) -> None:
    url = f"{scheme}://{host}{target}"

    told = verdict(f"{url}a1b2 3", target, "b=2+3&a=1", scheme=scheme, host=host)

    assert told == SignatureVerdict(is_valid=True, signed_url=url, explanation=f"The signature is valid for {url}.")


@given(
    method=st.sampled_from(["POST", "GET", "PUT", "junk"]),
    target=st.binary(max_size=60) | JUNK_TEXT.map(lambda text: f"/{text}?%{text}".encode(errors="replace")),
    headers=st.lists(
        st.tuples(
            st.sampled_from(PROXY_HEADERS) | JUNK_TEXT,
            JUNK_TEXT | st.sampled_from(["Basic /////w==", "host=[", "%"]),
        ),
        max_size=6,
    ),
    body=st.binary(max_size=60),
)
def test_random_input_is_invalid_and_raises_no_error(
    method: str, target: bytes, headers: list[tuple[str, str]], body: bytes
) -> None:
    signed = (("X-Twilio-Signature", "A" * 27 + "="),)

    bare = verify_signature(ReceivedRequest(method, "http", target, tuple(headers), body), TOKEN)
    searched = verify_signature(ReceivedRequest(method, "http", target, (*signed, *headers), body), TOKEN)

    assert bare.explanation in {MISSING, MALFORMED}
    assert searched.explanation == UNEXPLAINED


def test_sent_request_stays_valid_after_a_change_of_the_port_policy() -> None:
    headers = (("Host", "app.test:8443"), ("X-Twilio-Signature", sign("https://app.test/x")))
    hop = CallbackHop(
        "GET",
        "https://app.test:8443/x",
        headers,
        is_sent=True,
        status_code=200,
        location=None,
        elapsed_ms=1.0,
        error=None,
        is_signature_valid=True,
    )

    dropped, as_given = [
        make_verifier(TOKEN, (), None, policy)(hop) for policy in (SignedPort.DROPPED, SignedPort.AS_GIVEN)
    ]

    assert dropped
    assert as_given
    assert (dropped.is_valid, as_given.is_valid) == (True, True)
    assert as_given.explanation.startswith(
        "The signature was valid for https://app.test/x when it was sent. A check fails now: "
    )

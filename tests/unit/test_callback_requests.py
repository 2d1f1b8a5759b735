"""The requests of StatusCallbacks: targets, headers, bodies and signatures."""

from urllib.parse import parse_qsl

import pytest
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from ringback.domain.callbacks import SignedRequest, first_request, redirected_request
from support.domain_values import CALL_SID, NUMBER, a_callback

TOKEN = "12345"
PARAMETERS = {"CallSid": CALL_SID, "To": NUMBER}
FORM = f"CallSid={CALL_SID}&To=%2B14158675309"

URL_SHAPES = [
    "http://app.test/done",
    "https://app.test/done",
    "http://app.test:80/done",
    "https://app.test:443/done",
    "http://app.test:8080/done",
    "http://app.test",
    "http://app.test/",
    "http://app.test?only=query",
    "http://app.test/done?number=%2B1415&plus=a+b&space=a%20b",
    "http://app.test/a%20path/with+plus",
    "http://app.test/caf%C3%A9?name=J%C3%BCrgen",
    "http://[::1]:8080/done?x=1",
]


def header(request: SignedRequest, name: str) -> str | None:
    return dict(request.headers).get(name)


def test_post_headers_and_their_order_are_exact() -> None:
    request = first_request(a_callback("https://user:secret@app.test:8443/done?x=1#rc=2"))

    assert [name for name, _ in request.headers] == [
        "Host",
        "User-Agent",
        "Accept",
        "X-Twilio-Signature",
        "I-Twilio-Idempotency-Token",
        "X-Home-Region",
        "Authorization",
        "Content-Type",
        "Content-Length",
    ]
    assert dict(request.headers) | {"X-Twilio-Signature": ""} == {
        "Host": "app.test:8443",
        "User-Agent": "TwilioProxy/1.1",
        "Accept": "*/*",
        "X-Twilio-Signature": "",
        "I-Twilio-Idempotency-Token": "4b1f4f4e-8f5c-4a37-9a4e-6a4d4f0f2f0d",
        "X-Home-Region": "us1",
        "Authorization": "Basic dXNlcjpzZWNyZXQ=",
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
        "Content-Length": str(len(FORM)),
    }
    assert (request.method, request.body) == ("POST", FORM.encode())
    assert request.url.target == "/done?x=1"


def test_get_callback_has_neither_a_body_nor_content_headers() -> None:
    request = first_request(a_callback("http://app.test/done", method="GET"))

    assert request.body == b""
    assert header(request, "Content-Type") is header(request, "Content-Length") is None
    assert header(request, "Authorization") is None


@pytest.mark.parametrize("url", URL_SHAPES)
def test_official_validator_accepts_a_post_to_any_url(url: str) -> None:
    request = first_request(a_callback(url))

    given = header(request, "X-Twilio-Signature")
    assert RequestValidator(TOKEN).validate(request.url.signed, PARAMETERS, given)
    assert RequestValidator(TOKEN).compute_signature(request.url.signed, PARAMETERS) == given


@pytest.mark.parametrize("url", URL_SHAPES)
def test_official_validator_accepts_a_get_to_any_url(url: str) -> None:
    request = first_request(a_callback(url, method="GET"))

    given = header(request, "X-Twilio-Signature")
    assert RequestValidator(TOKEN).validate(request.url.signed, {}, given)
    assert RequestValidator(TOKEN).compute_signature(request.url.signed, {}) == given


@pytest.mark.parametrize("url", URL_SHAPES)
def test_get_appends_the_parameters_to_the_urls_query(url: str) -> None:
    own = first_request(a_callback(url)).url.target.partition("?")[2]

    target = first_request(a_callback(url, method="GET")).url.target

    query = target.partition("?")[2]
    assert query.startswith(own)
    assert parse_qsl(query, keep_blank_values=True) == parse_qsl(own) + list(PARAMETERS.items())


@pytest.mark.parametrize(
    ("url", "signed"),
    [
        ("http://user:pw@app.test/done#rc=3", "http://app.test/done"),
        ("http://app.test", "http://app.test/"),
        ("http://app.test:80?x=1", "http://app.test:80/?x=1"),
        ("http://app.test/caf\u00e9?n=J\u00fcrgen", "http://app.test/caf%C3%A9?n=J%C3%BCrgen"),
        ("http://b\u00fccher.test/", "http://xn--bcher-kva.test/"),
        ("http://[2001:db8::1]:8080/x", "http://[2001:db8::1]:8080/x"),
    ],
)
def test_url_is_signed_as_its_receiver_sees_it(url: str, signed: str) -> None:
    request = first_request(a_callback(url))

    assert request.url.signed == signed
    assert header(request, "X-Twilio-Signature") == RequestValidator(TOKEN).compute_signature(signed, PARAMETERS)


@pytest.mark.parametrize("status", [301, 302, 303])
def test_redirect_target_is_requested_unchanged_with_get(status: int) -> None:
    callback = a_callback("http://app.test/done?x=1")

    request = redirected_request(callback, first_request(callback), "/elsewhere?y=2", status)

    assert (request.method, request.url.signed, request.body) == ("GET", "http://app.test/elsewhere?y=2", b"")
    assert header(request, "X-Twilio-Signature") == RequestValidator(TOKEN).compute_signature(request.url.signed, {})
    assert header(request, "Content-Length") is None


def test_temporary_redirect_keeps_method_and_parameters() -> None:
    callback = a_callback("http://app.test/done")

    request = redirected_request(callback, first_request(callback), "https://other.test/x", 307)

    expected = RequestValidator(TOKEN).compute_signature("https://other.test/x", PARAMETERS)
    assert (request.method, request.body) == ("POST", FORM.encode())
    assert header(request, "X-Twilio-Signature") == expected


def test_idempotency_token_is_the_same_after_a_redirect() -> None:
    callback = a_callback("http://app.test/done")

    request = redirected_request(callback, first_request(callback), "/x", 302)

    assert header(request, "I-Twilio-Idempotency-Token") == callback.idempotency_token


@pytest.mark.parametrize(
    ("location", "authorization"),
    [
        ("/x", "Basic dXNlcjpwdw=="),
        ("http://app.test/x", "Basic dXNlcjpwdw=="),
        ("http://new:one@app.test/x", "Basic bmV3Om9uZQ=="),
        ("http://other.test/x", None),
        ("http://app.test:8080/x", None),
        ("https://app.test/x", None),
        ("//other.test/x", None),
        ("https://app.test:80/x", None),
    ],
)
def test_user_info_is_kept_only_on_the_same_server(location: str, authorization: str | None) -> None:
    callback = a_callback("http://user:pw@app.test/done")

    request = redirected_request(callback, first_request(callback), location, 302)

    assert header(request, "Authorization") == authorization


@pytest.mark.parametrize(
    ("location", "authorization"),
    [
        ("https://app.test:8443/x", "Basic dXNlcjpwdw=="),
        ("https://APP.test:8443/x", "Basic dXNlcjpwdw=="),
        ("http://app.test:8443/x", None),
        ("https://app.test/x", None),
        ("https://other.test:8443/x", None),
        ("http://new:one@app.test:8443/x", "Basic bmV3Om9uZQ=="),
    ],
)
def test_user_info_is_not_sent_in_clear_text_after_a_redirect(location: str, authorization: str | None) -> None:
    callback = a_callback("https://user:pw@app.test:8443/done")

    request = redirected_request(callback, first_request(callback), location, 307)

    assert header(request, "Authorization") == authorization


def test_user_info_is_not_restored_after_a_redirect_to_another_server() -> None:
    callback = a_callback("https://user:pw@app.test/done")

    redirected = redirected_request(callback, first_request(callback), "https://other.test/x", 307)
    back = redirected_request(callback, redirected, "https://app.test/x", 307)

    assert header(redirected, "Authorization") is header(back, "Authorization") is None


@pytest.mark.parametrize("location", ["ftp://app.test/x", "javascript:alert(1)", "http://[::1", "/a b"])
def test_redirect_to_an_invalid_url_is_refused(location: str) -> None:
    callback = a_callback("http://app.test/done")

    with pytest.raises(ValueError, match=r"."):
        redirected_request(callback, first_request(callback), location, 302)

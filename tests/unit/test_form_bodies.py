"""Form bodies: accepted content types, and the maximum size."""

import asyncio

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message

from ringback.domain.errors import TwilioError
from ringback.twilio_api.parameters import MAX_BODY_BYTES, Parameters, read_form
from ringback.twilio_api.request_context import RequestContext
from support.http.asgi_requests import a_request

FORM = b"application/x-www-form-urlencoded"


async def next_message(request: RequestContext) -> Message:
    return await request.receive()


def form_of(request: RequestContext) -> Parameters:
    return asyncio.run(read_form(request))


@pytest.mark.parametrize(
    "content_type", [FORM, FORM + b"; charset=UTF-8", FORM + b";charset=utf-8", FORM.upper(), b" " + FORM + b" ;x"]
)
def test_form_body_is_read_with_any_content_type_parameters(content_type: bytes) -> None:
    assert form_of(a_request(b"a=1&", b"b=2", content_type=content_type)) == {"a": "1", "b": "2"}


@pytest.mark.parametrize("content_type", [b"application/json", b"multipart/mixed; boundary=x", b"text/plain", b""])
def test_parameters_in_other_content_types_are_ignored(content_type: bytes) -> None:
    assert form_of(a_request(b"a=1", content_type=content_type)) == {}


def test_parameters_in_a_body_without_a_content_type_are_ignored() -> None:
    assert form_of(a_request(b"a=1")) == {}


def test_form_body_of_exactly_the_maximum_size_is_accepted() -> None:
    body = b"a=" + b"x" * (MAX_BODY_BYTES - 2)

    form = form_of(a_request(body[:1000], body[1000:], content_type=FORM, content_length=b"%d" % MAX_BODY_BYTES))

    assert len(form["a"]) == MAX_BODY_BYTES - 2


def test_body_that_grows_too_large_is_rejected() -> None:
    with pytest.raises(TwilioError) as refusal:
        form_of(a_request(b"x" * MAX_BODY_BYTES, b"x", content_type=FORM))

    assert (refusal.value.status, refusal.value.code) == (413, 20413)


def test_client_that_disconnects_during_its_body_raises() -> None:
    with pytest.raises(ClientDisconnect):
        form_of(a_request(b"a=1", complete=False, content_type=FORM))


@pytest.mark.parametrize(("asks_first", "headers"), [(b"100-continue", {"Connection": "close"}), (None, {})])
def test_large_content_length_is_rejected_before_the_body_is_read(
    asks_first: bytes | None, headers: dict[str, str]
) -> None:
    expect = {"expect": asks_first} if asks_first else {}
    request = a_request(b"unread", complete=False, content_length=b"%d" % (MAX_BODY_BYTES + 1), **expect)

    with pytest.raises(TwilioError) as refusal:
        form_of(request)

    assert (refusal.value.status, refusal.value.headers) == (413, headers)
    assert asyncio.run(next_message(request)) == {"type": "http.request", "body": b"unread", "more_body": True}

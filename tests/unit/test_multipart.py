"""Parsing of form bodies of type multipart/form-data, and bodies that are refused."""

import asyncio
from collections.abc import Callable
from email.message import Message as EmailMessage
from typing import Any

import pytest

from ringback.domain.errors import TwilioError
from ringback.twilio_api.multipart import MAX_DELIMITERS, MAX_PART_HEADER_BYTES, MAX_PART_HEADERS
from ringback.twilio_api.parameters import MAX_BODY_BYTES, MAX_PARAMETERS, PARSED_AT_ONCE_BYTES, Parameters, read_form
from support.http.asgi_requests import a_request

BOUNDARY = "--------------------------293582696224464"
CONTENT_TYPE = f"multipart/form-data; boundary={BOUNDARY}"
NOT_UTF_8 = "the parameters are not UTF-8"
MALFORMED = "the multipart body is malformed"
NO_BOUNDARY = "the multipart body has no valid boundary"
NO_END = "the multipart body has no closing boundary"
TOO_MANY = "a header of the multipart body has too many parameters"
NO_NAME = "a part of the multipart body has no field name"


def part(name: str, value: str | bytes, *headers: str) -> bytes:
    head = "\r\n".join([f'Content-Disposition: form-data; name="{name}"', *headers])
    return raw_part(head.encode(), value.encode() if isinstance(value, str) else value)


def raw_part(head: bytes, value: bytes = b"x") -> bytes:
    return b"\r\n".join([f"--{BOUNDARY}".encode(), head, b"", value, b""])


def closed(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def fields_of(body: bytes, content_type: str = CONTENT_TYPE) -> Parameters:
    return asyncio.run(read_form(a_request(body, content_type=content_type.encode("latin-1"))))


def refusal_of(body: bytes, content_type: str = CONTENT_TYPE) -> str:
    with pytest.raises(TwilioError) as refusal:
        fields_of(body, content_type)
    error: Any = refusal.value
    assert (error.status, error.code) == (400, 20400)
    return str(error.message).removeprefix("Bad Request: ")


def test_multipart_fields_are_parameters() -> None:
    body = closed(part("PhoneNumber", "+14158675309"), part("FriendlyName", "Zo\u00eb & Co\r\n--x"))

    assert fields_of(body) == {"PhoneNumber": "+14158675309", "FriendlyName": "Zo\u00eb & Co\r\n--x"}


@pytest.mark.parametrize(
    "content_type",
    [
        f'multipart/form-data; boundary="{BOUNDARY}"',
        f"Multipart/Form-Data ;charset=utf-8; Boundary={BOUNDARY}",
        f"multipart/form-data;boundary={BOUNDARY}",
    ],
)
def test_multipart_content_type_is_recognized_in_any_spelling(content_type: str) -> None:
    assert fields_of(closed(part("a", "1")), content_type) == {"a": "1"}


def test_multipart_body_may_arrive_in_pieces() -> None:
    body = closed(part("a", "1"), part("b", "2"))
    request = a_request(*(body[i : i + 7] for i in range(0, len(body), 7)), content_type=CONTENT_TYPE.encode())

    assert asyncio.run(read_form(request)) == {"a": "1", "b": "2"}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (closed(), {}),
        (closed(part("a", "1"), part("a", "2")), {"a": "2"}),
        (closed(part("", "1")), {"": "1"}),
        (closed(part("a", "")), {"a": ""}),
        (b"\r\n" + closed(part("a", "1")), {"a": "1"}),
        (closed(part("a", "1")) + b"epilogue", {"a": "1"}),
        (closed(part("a", "1"))[:-2], {"a": "1"}),
        (closed(part('a\\"b', "1")), {'a"b': "1"}),
        (closed(part("\u00e9", "1")), {"\u00e9": "1"}),
        (closed(part("a;filename*=b", "1")), {"a;filename*=b": "1"}),
        (
            closed(part("a", "1", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit")),
            {"a": "1"},
        ),
        (closed(raw_part(b"content-disposition: form-data; name=a")), {"a": "x"}),
        (closed(raw_part(b"CONTENT-DISPOSITION:form-data;name=a")), {"a": "x"}),
        (closed(raw_part(b"Content-Disposition: form-data; name=\"a\"; name*=utf-8''b")), {"a": "x"}),
    ],
)
def test_multipart_fields_are_named_by_their_content_disposition(body: bytes, fields: Parameters) -> None:
    assert fields_of(body) == fields


@pytest.mark.parametrize("filename", ['filename="x.txt"', "filename=", "filename*=UTF-8''x", "FILENAME=x"])
def test_multipart_files_are_ignored(filename: str) -> None:
    file = raw_part(f'Content-Disposition: form-data; name="PhoneNumber"; {filename}'.encode(), b"\xff\x00" * 99)

    assert fields_of(closed(part("a", "1"), file)) == {"a": "1"}


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary=""',
        'multipart/form-data; boundary="a "',
        f"multipart/form-data; boundary={'x' * 71}",
        "multipart/form-data; boundary=\u00e9",
    ],
)
def test_multipart_without_a_valid_boundary_is_a_bad_request(content_type: str) -> None:
    assert refusal_of(closed(part("a", "1")), content_type) == NO_BOUNDARY


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"a=1", MALFORMED),
        (part("a", "1"), NO_END),
        (closed(part("a", "1"))[:-4], NO_END),
        (closed(part("a", "1")).replace(BOUNDARY.encode(), b"other"), MALFORMED),
        (closed(raw_part(b'Content-Disposition: form-data; filename="a"')), NO_NAME),
        (closed(raw_part(b"Content-Disposition: form-data; name*=utf-8''a")), NO_NAME),
        (closed(raw_part(b'Content-Disposition: attachment; name="a"')), NO_NAME),
        (closed(raw_part(b"Content-Type: text/plain")), NO_NAME),
        (closed(raw_part(b'Content Disposition: form-data; name="a"')), MALFORMED),
        (closed(raw_part(b': form-data; name="a"')), MALFORMED),
        (
            closed(part("a", "1", "Content-Type: multipart/mixed; boundary=y")),
            "a part of the multipart body is itself multipart",
        ),
        (
            closed(part("a", "MQ==", "Content-Transfer-Encoding: base64")),
            "a part of the multipart body has a Content-Transfer-Encoding",
        ),
        (closed(part("a", b"\xff")), NOT_UTF_8),
        (closed(raw_part(b'Content-Disposition: form-data; name="\xff"')), NOT_UTF_8),
    ],
)
def test_malformed_multipart_is_a_bad_request(body: bytes, reason: str) -> None:
    assert refusal_of(body) == reason


@pytest.mark.parametrize("content_type", [CONTENT_TYPE, "multipart/form-data"])
def test_empty_multipart_body_has_no_parameters(content_type: str) -> None:
    assert fields_of(b"", content_type) == {}


def test_multipart_body_of_many_parts_is_parsed_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    in_thread: list[int] = []

    async def to_thread(parse: Callable[[bytes], Parameters], body: bytes) -> Parameters:
        in_thread.append(len(body))
        return parse(body)

    monkeypatch.setattr(asyncio, "to_thread", to_thread)
    few, many = (closed(*[part("a", "1")] * count) for count in (5, 100))

    assert (fields_of(few), fields_of(many)) == ({"a": "1"}, {"a": "1"})
    assert in_thread == [len(many)]


def test_multipart_parts_are_limited_in_number_like_urlencoded_parameters() -> None:
    files = raw_part(b'Content-Disposition: form-data; name="f"; filename="f"')
    many = [part("a", "1")] * (MAX_PARAMETERS - 1)

    assert fields_of(closed(*many, files)) == {"a": "1"}
    assert refusal_of(closed(*many, files, files)) == f"more than {MAX_PARAMETERS} parameters"


def test_multipart_part_headers_are_limited() -> None:
    most = [f"X-{i}: y" for i in range(MAX_PART_HEADERS - 1)]
    longest = "X: " + "y" * (MAX_PART_HEADER_BYTES - 3)

    assert fields_of(closed(part("a", "1", *most))) == {"a": "1"}
    assert refusal_of(closed(part("a", "1", *most, "X: y"))) == MALFORMED
    assert fields_of(closed(part("a", "1", longest))) == {"a": "1"}
    assert refusal_of(closed(part("a", "1", longest + "y"))) == MALFORMED
    assert refusal_of(f"--{BOUNDARY}\r\n".encode() + b"X: y" * 100_000) == MALFORMED
    assert refusal_of(f"--{BOUNDARY}\r\n".encode() + b"X" * 400_000) == MALFORMED


def test_multipart_body_of_exactly_the_maximum_size_is_accepted() -> None:
    room = MAX_BODY_BYTES - len(closed(part("a", "")))

    assert fields_of(closed(part("a", "x" * room))) == {"a": "x" * room}
    with pytest.raises(TwilioError) as refusal:
        fields_of(closed(part("a", "x" * (room + 1))))
    assert (refusal.value.status, refusal.value.code) == (413, 20413)


@pytest.mark.parametrize("delimiter", [";", '"', '\\"'])
def test_multipart_header_parameters_are_limited(delimiter: str) -> None:
    value = f"form-data; name=a; other={delimiter * MAX_DELIMITERS}"

    assert refusal_of(closed(raw_part(f"Content-Disposition: {value}".encode()))) == TOO_MANY
    assert refusal_of(closed(part("a", "1")), f"{CONTENT_TYPE}; other={delimiter * MAX_DELIMITERS}") == TOO_MANY


@pytest.mark.parametrize("value", ["\r\n--" * 250_000, "\r" * 1_000_000, f"\r\n--{BOUNDARY}x" * 20_000])
def test_multipart_values_that_resemble_boundaries_are_kept(value: str) -> None:
    assert len(value) > PARSED_AT_ONCE_BYTES
    assert fields_of(closed(part("a", value))) == {"a": value}


def test_multipart_body_encoded_by_another_library_is_parsed() -> None:
    message = EmailMessage()
    message["Content-Disposition"] = 'form-data; name="Fr\\"iendly"'
    body = closed(raw_part(message.as_bytes().strip(), b"Home"))

    assert fields_of(body) == {'Fr"iendly': "Home"}

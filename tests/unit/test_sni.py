"""The host name in a ClientHello."""

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain.twilio_hosts import normalize_host
from ringback.proxy.sni import ClientHelloParser

NAME = "api.twilio.com"


def client_hello(name: str | None) -> bytes:
    """Return the ClientHello of Python's TLS client."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


def name_in(data: bytes) -> str | None:
    return ClientHelloParser().feed(data)


def test_server_name_is_found_in_lower_case() -> None:
    assert name_in(client_hello("API.Twilio.com")) == NAME


def test_client_hello_without_sni_has_no_server_name() -> None:
    assert name_in(client_hello(None)) == ""


def test_server_name_is_unknown_until_the_client_hello_is_complete() -> None:
    whole = client_hello(NAME)

    assert {name_in(whole[:length]) for length in range(len(whole))} == {None}


def test_client_hello_may_span_several_records() -> None:
    whole = client_hello(NAME)
    header, message = whole[:3], whole[5:]
    pieces = [message[:1], message[1:3], message[3:60], message[60:]]

    assert name_in(b"".join(header + len(piece).to_bytes(2) + piece for piece in pieces)) == NAME


def test_server_name_is_known_after_the_last_byte_of_a_client_hello_sent_byte_by_byte() -> None:
    message = client_hello(NAME)[5:]
    records = b"".join(b"\x16\x03\x01\x00\x01" + message[place : place + 1] for place in range(len(message)))
    parser = ClientHelloParser()

    names = [parser.feed(records[place : place + 1]) for place in range(len(records))]

    assert set(names[:-1]) == {None}
    assert names[-1] == NAME


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n",
        b"SSH-2.0-x",
        b"\x16\x03\x01\x00\x04\x02\x00\x00\x00",
        b"\x80\x2e",
        b"\x16\x00\x00\x00\x01",
        b"\x16abc",
    ],
)
def test_other_protocols_have_no_server_name(data: bytes) -> None:
    assert name_in(data) == ""


@given(st.binary())
def test_sni_parser_raises_no_error_for_random_bytes(noise: bytes) -> None:
    named = name_in(b"\x16\x03\x01" + len(noise).to_bytes(2) + b"\x01" + noise)

    assert named is None or isinstance(named, str)


class NamedConnection(ssl.SSLObject):
    """A server's TLS connection. `asked_for` is the name passed to its SNI callback, or None before that."""

    asked_for: str | None = None


def name_by_openssl(data: bytes) -> str | None:
    """Return the name that OpenSSL finds, "" if there is none, or None if it rejects the ClientHello before that."""
    incoming = ssl.MemoryBIO()
    incoming.write(data)
    connection = SERVER.wrap_bio(incoming, ssl.MemoryBIO(), server_side=True)
    assert isinstance(connection, NamedConnection)
    with pytest.raises(ssl.SSLError):
        connection.do_handshake()
    return connection.asked_for


def refuse_named(connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int:
    assert isinstance(connection, NamedConnection)
    connection.asked_for = name or ""
    return ssl.ALERT_DESCRIPTION_ACCESS_DENIED


SERVER = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
SERVER.sslobject_class = NamedConnection
SERVER.sni_callback = refuse_named
HELLO = client_hello(NAME)


def test_openssl_finds_the_same_server_name() -> None:
    assert name_by_openssl(HELLO) == NAME
    assert name_by_openssl(client_hello(None)) == ""


@given(place=st.integers(0, len(HELLO) - 1), byte=st.integers(0, 127))
def test_altered_client_hello_has_the_server_name_that_openssl_finds(place: int, byte: int) -> None:
    altered = HELLO[:place] + bytes([byte]) + HELLO[place + 1 :]

    found = name_by_openssl(altered)

    if found is not None:
        assert name_in(altered) == normalize_host(found)


@pytest.mark.parametrize(
    "name", [b"x" * 300 + b".twilio.com", b"api.twilio.com\0"], ids=["longer than 255 bytes", "NUL"]
)
def test_sni_parser_finds_server_names_that_openssl_rejects(name: bytes) -> None:
    hello = built_hello(name)

    assert name_by_openssl(hello) is None
    assert name_in(hello) == name.decode()


def test_generated_client_hello_is_accepted_by_openssl() -> None:
    assert name_by_openssl(built_hello(NAME.encode())) == NAME


def built_hello(name: bytes) -> bytes:
    """Return a ClientHello of TLS 1.2 whose only extension is the name."""
    server_name = vector(vector(b"\0" + vector(name, 2), 2), 2)
    cipher = b"\xc0\x2f"
    body = (
        b"\3\3" + bytes(32) + vector(b"", 1) + vector(cipher, 2) + vector(b"\0", 1) + vector(b"\0\0" + server_name, 2)
    )
    return b"\x16\3\1" + vector(b"\1" + vector(body, 3), 2)


def vector(content: bytes, width: int) -> bytes:
    return len(content).to_bytes(width) + content

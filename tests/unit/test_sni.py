"""The name in what a client begins TLS with."""

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.proxy.sni import ClientHello


def hello(name: str | None) -> bytes:
    """Return what Python's own client says first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


def server_name(begin: bytes) -> str | None:
    return ClientHello().name_after(begin)


def test_the_name_is_found_as_hosts_are_written() -> None:
    assert server_name(hello("API.Twilio.com")) == "api.twilio.com"


def test_there_may_be_no_name() -> None:
    assert server_name(hello(None)) == ""


def test_until_all_is_there_nothing_is_known() -> None:
    whole = hello("api.twilio.com")

    assert {server_name(whole[:length]) for length in range(len(whole))} == {None}


def test_it_may_come_in_several_records() -> None:
    whole = hello("api.twilio.com")
    kind, message = whole[:3], whole[5:]
    pieces = [message[:1], message[1:3], message[3:60], message[60:]]

    assert server_name(b"".join(kind + len(piece).to_bytes(2) + piece for piece in pieces)) == "api.twilio.com"


def test_it_is_known_as_soon_as_all_is_there_in_however_small_pieces() -> None:
    message = hello("api.twilio.com")[5:]
    records = b"".join(b"\x16\x03\x01\x00\x01" + message[place : place + 1] for place in range(len(message)))
    begun = ClientHello()

    found = [begun.name_after(records[place : place + 1]) for place in range(len(records))]

    assert set(found[:-1]) == {None}
    assert found[-1] == "api.twilio.com"


@pytest.mark.parametrize(
    "begin",
    [
        b"GET / HTTP/1.1\r\n",
        b"SSH-2.0-x",
        b"\x16\x03\x01\x00\x04\x02\x00\x00\x00",
        b"\x80\x2e",
        b"\x16\x00\x00\x00\x01",
        b"\x16abc",
    ],
)
def test_other_things_have_none(begin: bytes) -> None:
    assert server_name(begin) == ""


@given(st.binary())
def test_whatever_comes_is_no_failure(rest: bytes) -> None:
    named = server_name(b"\x16\x03\x01" + len(rest).to_bytes(2) + b"\x01" + rest)

    assert named is None or isinstance(named, str)

"""Which host a client means that begins TLS: the name in its ClientHello.

Source: RFC 8446, 4.1.2 and 5.1; RFC 6066, 3.
"""

import asyncio

from ringback.domain.twilio_hosts import host_name

_HANDSHAKE, _CLIENT_HELLO, _SERVER_NAME = 22, 1, 0
_RECORD_HEAD_BYTES, _MESSAGE_HEAD_BYTES = 5, 4
_VERSION_AND_RANDOM_BYTES = 34
MAX_HELLO_BYTES = 64 * 1024


async def read_begin(reader: asyncio.StreamReader) -> tuple[bytes, str]:
    """Read until the name is known; return what was read, and the name, empty where none is given or it is no TLS."""
    begin = b""
    while (name := server_name(begin)) is None and len(begin) < MAX_HELLO_BYTES:
        piece = await reader.read(MAX_HELLO_BYTES)
        if not piece:
            break
        begin += piece
    return begin, name or ""


def server_name(begin: bytes) -> str | None:
    """Return the name in a ClientHello, "" where there is none or it is something else, None until that is known."""
    message = b""
    while begin:
        if begin[0] != _HANDSHAKE:
            return ""
        if len(begin) < _RECORD_HEAD_BYTES:
            return None
        message += _vector(begin[3:], 2)
        if message and message[0] != _CLIENT_HELLO:
            return ""
        whole_bytes = _MESSAGE_HEAD_BYTES + int.from_bytes(message[1:4])
        if len(message) >= _MESSAGE_HEAD_BYTES and len(message) >= whole_bytes:
            return _name_in(message[_MESSAGE_HEAD_BYTES:whole_bytes])
        begin = _behind(begin[3:], 2)
    return None


def _name_in(hello: bytes) -> str:
    session = hello[_VERSION_AND_RANDOM_BYTES:]
    extensions = _vector(_behind(_behind(_behind(session, 1), 2), 1), 2)
    while extensions:
        kind, content = int.from_bytes(extensions[:2]), _vector(extensions[2:], 2)
        if kind == _SERVER_NAME:
            return host_name(_vector(_vector(content, 2)[1:], 2).decode("latin-1"))
        extensions = _behind(extensions[2:], 2)
    return ""


def _vector(data: bytes, width: int) -> bytes:
    """Return what follows its own length, a number of `width` bytes; less where there is no more."""
    return data[width : width + int.from_bytes(data[:width])]


def _behind(data: bytes, width: int) -> bytes:
    """Return what comes after such a vector."""
    return data[width + int.from_bytes(data[:width]) :]

"""Which host a client means that begins TLS: the name in its ClientHello.

Source: RFC 8446, 4.1.2 and 5.1; RFC 6066, 3.
"""

import asyncio

from ringback.domain.twilio_hosts import host_name

TLS_HANDSHAKE = b"\x16"
"""The first byte of a client that speaks TLS."""
_HANDSHAKE, _CLIENT_HELLO, _SERVER_NAME = b"\x16\x03", 1, 0
"""How a record of a handshake begins, with the major version that all of TLS has; and kinds within it."""
_RECORD_HEAD_BYTES, _MESSAGE_HEAD_BYTES = 5, 4
_VERSION_AND_RANDOM_BYTES = 34
MAX_HELLO_BYTES = 64 * 1024


async def read_begin(reader: asyncio.StreamReader, first: bytes = b"") -> tuple[bytes, str]:
    """Read until the name is known; return what was read, and the name, empty where none is given or it is no TLS.

    `first` is what was read before, less than a record.

    Raises ValueError where a ClientHello is longer than any client's: its name is not known, and may be Twilio's.
    """
    begin, hello = bytearray(first), ClientHello()
    name: str | None = hello.name_after(first)
    while name is None and (piece := await reader.read(MAX_HELLO_BYTES)):
        begin += piece
        name = hello.name_after(piece)
        if name is None and len(begin) >= MAX_HELLO_BYTES:
            raise ValueError(f"a ClientHello may have {MAX_HELLO_BYTES} bytes")
    return bytes(begin), name or ""


class ClientHello:
    """Takes apart what a client says first, as it comes: each byte is looked at once, in however small pieces."""

    def __init__(self) -> None:
        self._records = bytearray()
        self._message = bytearray()

    def name_after(self, piece: bytes) -> str | None:
        """Take one more piece; return the name, "" where there is none or it is something else, None until known."""
        self._records += piece
        while self._records:
            if not _HANDSHAKE.startswith(bytes(self._records[: len(_HANDSHAKE)])):
                return ""
            end = _RECORD_HEAD_BYTES + int.from_bytes(self._records[3:_RECORD_HEAD_BYTES])
            if len(self._records) < end:
                return None
            self._message += self._records[_RECORD_HEAD_BYTES:end]
            del self._records[:end]
            if self._message and self._message[0] != _CLIENT_HELLO:
                return ""
            whole_bytes = _MESSAGE_HEAD_BYTES + int.from_bytes(self._message[1:_MESSAGE_HEAD_BYTES])
            if len(self._message) >= whole_bytes:
                return _name_in(bytes(self._message[_MESSAGE_HEAD_BYTES:whole_bytes]))
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

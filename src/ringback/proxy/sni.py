"""The host name (SNI) in a client's ClientHello, and the bytes that were read to find it.

Source: RFC 8446, 4.1.2 and 5.1; RFC 6066, 3.

This is our own parser. An `ssl.SSLObject` with an `sni_callback` finds the same names (a test compares them), but it
cannot replace the parser. OpenSSL rejects some ClientHellos before it names a host: if the machine's policy forbids the
protocol version, or if the name is longer than 255 bytes, contains NUL or is not ASCII. The proxy must forward such a
tunnel unless it is for a Twilio host, whose name must be listed as refused.
"""

import asyncio

from ringback.domain.twilio_hosts import normalize_host

TLS_HANDSHAKE = b"\x16"
"""The first byte that a TLS client sends."""
_RECORD_START, _CLIENT_HELLO, _SERVER_NAME = b"\x16\x03", 1, 0
"""The first bytes of a handshake record in every TLS version, the message type, and the extension type."""
_RECORD_HEADER_BYTES, _MESSAGE_HEADER_BYTES = 5, 4
_VERSION_AND_RANDOM_BYTES = 34
MAX_CLIENT_HELLO_BYTES = 64 * 1024


async def read_client_hello(reader: asyncio.StreamReader, received: bytes = b"") -> tuple[bytes, str]:
    """Read until the host name is known. Return the bytes read, and the name: "" without SNI, and for other protocols.

    `received` was read before, and is shorter than a record. Raises ValueError if the ClientHello is too long: its name
    is unknown, and could be one of Twilio's.
    """
    data, parser = bytearray(received), ClientHelloParser()
    name: str | None = parser.feed(received)
    while name is None and (piece := await reader.read(MAX_CLIENT_HELLO_BYTES)):
        data += piece
        name = parser.feed(piece)
        if name is None and len(data) >= MAX_CLIENT_HELLO_BYTES:
            raise ValueError(f"the ClientHello is longer than {MAX_CLIENT_HELLO_BYTES} bytes")
    return bytes(data), name or ""


class ClientHelloParser:
    """An incremental parser of a ClientHello. It reads each byte once, however small the pieces are."""

    def __init__(self) -> None:
        self._records = bytearray()
        self._message = bytearray()

    def feed(self, piece: bytes) -> str | None:
        """Parse one more piece. Return the host name, "" without SNI or for other protocols, None while incomplete."""
        self._records += piece
        while self._records:
            if not _RECORD_START.startswith(bytes(self._records[: len(_RECORD_START)])):
                return ""
            end = _RECORD_HEADER_BYTES + int.from_bytes(self._records[3:_RECORD_HEADER_BYTES])
            if len(self._records) < end:
                return None
            self._message += self._records[_RECORD_HEADER_BYTES:end]
            del self._records[:end]
            if self._message and self._message[0] != _CLIENT_HELLO:
                return ""
            message_end = _MESSAGE_HEADER_BYTES + int.from_bytes(self._message[1:_MESSAGE_HEADER_BYTES])
            if len(self._message) >= message_end:
                return _server_name(bytes(self._message[_MESSAGE_HEADER_BYTES:message_end]))
        return None


def _server_name(client_hello: bytes) -> str:
    session_id = client_hello[_VERSION_AND_RANDOM_BYTES:]
    extensions = _vector(_after_vector(_after_vector(_after_vector(session_id, 1), 2), 1), 2)
    while extensions:
        kind, content = int.from_bytes(extensions[:2]), _vector(extensions[2:], 2)
        if kind == _SERVER_NAME:
            return normalize_host(_vector(_vector(content, 2)[1:], 2).decode("latin-1"))
        extensions = _after_vector(extensions[2:], 2)
    return ""


def _vector(data: bytes, width: int) -> bytes:
    """Return the content of a vector at the start of `data`, possibly truncated. Its length has `width` bytes."""
    return data[width : width + int.from_bytes(data[:width])]


def _after_vector(data: bytes, width: int) -> bytes:
    """Return the bytes that follow a vector."""
    return data[width + int.from_bytes(data[:width]) :]

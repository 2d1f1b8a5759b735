"""The head of a request to the proxy: the host that the client wants to reach, and the head to forward to that host.

h11 parses the head. RFC 9112 allows h11 to resolve some ambiguities. The proxy rejects such requests instead, because
the server behind the proxy might resolve an ambiguity differently (request smuggling).

A plain request at the start of a tunnel is not parsed: only its Host fields are read.
"""

import asyncio
import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import quote

import h11

from ringback.domain.twilio_hosts import HostRole, host_role, normalize_host
from ringback.operations.refused_requests import PRINTABLE
from ringback.proxy.tunnel import END_OF_HEAD, END_OF_LINE

HTTP_PORT, HTTPS_PORT = 80, 443
MAX_REASON_CHARACTERS = 100
"""Maximum length of h11's message, and of the invalid line that follows it."""
_QUOTED_LINE = ": bytearray("
"""The start of a quoted line in h11's messages, which quote a line as a Python repr."""
_AUTHORITY = r"(?P<host>[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])"
_TUNNEL_TARGET = re.compile(rf"{_AUTHORITY}:(?P<port>[0-9]{{1,5}})")
_URL = re.compile(rf"(?P<scheme>(?i:https?))://{_AUTHORITY}(:(?P<port>[0-9]{{1,5}}))?(?P<path>[/?][^#]*)?(#.*)?")
"""Matches an absolute URL without its fragment, which is not part of a request. Source: RFC 9110, 7.1."""
_HOST_FIELD = re.compile(rf"{_AUTHORITY}(:[0-9]{{1,5}})?")
_BARE_LINE_FEED_OR_FOLDED_LINE = re.compile(rb"(?<!\r)\n|\n[ \t]")
_REQUEST_LINE = re.compile(rb"[A-Z-]+ [!-~]+ HTTP/1\.[01]\r\n")
_HOST_FIELDS = re.compile(rb"\r\nhost[ \t]*:([^\r\n]*)", re.IGNORECASE)
MAX_TUNNELED_HEAD_BYTES = 64 * 1024
_FRAMING_FIELDS = re.compile(rb"\r\n(?:content-length|transfer-encoding):([^\r]*)", re.IGNORECASE)
_FRAMING_NAMES = frozenset({b"content-length", b"transfer-encoding"})
_HOP_BY_HOP_NAMES = frozenset(
    {b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"upgrade"}
)


class InvalidRequest(Exception):
    """The proxy rejects a request; the message says why."""


class ProxyRequest(NamedTuple):
    """The host that a client wants to reach, and the head that the proxy sends there.

    `head` is empty for a tunnel: all bytes are forwarded. `body_bytes` is None for a chunked body. A redirected client
    starts TLS without CONNECT; `client_hello` holds the bytes that have been read from such a client.
    """

    host: str
    port: int
    head: bytes = b""
    body_bytes: int | None = None
    client_hello: bytes = b""

    @property
    def is_tunnel(self) -> bool:
        return not self.head


def parse_head(head: bytes) -> ProxyRequest:
    """Parse a head, which includes its empty line. Raises InvalidRequest.

    One empty line before the head is ignored. Source: RFC 9112, 2.2.
    """
    request = _parse_unambiguous(head.removeprefix(END_OF_LINE))
    target = request.target.decode("ascii")
    if request.method == b"CONNECT":
        if tunnel := _TUNNEL_TARGET.fullmatch(target):
            return ProxyRequest(normalize_host(tunnel["host"]), _port(tunnel["port"]))
    elif url := _URL.fullmatch(target) or _URL.fullmatch(_redirected_url(target, request)):
        return _forwarded_request(url, request)
    raise InvalidRequest("this is a proxy: it accepts CONNECT host:port, and http:// URLs")


def _parse_unambiguous(head: bytes) -> h11.Request:
    if _BARE_LINE_FEED_OR_FOLDED_LINE.search(head):
        raise InvalidRequest("a line of the head is folded or does not end with CRLF")
    framing = _FRAMING_FIELDS.findall(head)
    if len(framing) > 1 or b"," in b"".join(framing):
        raise InvalidRequest("the length of the body is ambiguous")
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(head)
    try:
        request = connection.next_event()
    except h11.RemoteProtocolError as error:
        raise InvalidRequest(f"the head is not valid HTTP: {_reason(error, head)}") from error
    if not isinstance(request, h11.Request) or request.http_version not in (b"1.0", b"1.1"):
        raise InvalidRequest("the proxy speaks HTTP/1.0 and HTTP/1.1")
    return request


def _reason(error: h11.RemoteProtocolError, head: bytes) -> str:
    """Return h11's message, with the invalid line in printable characters."""
    message = str(error)
    text, is_quoted, _ = message.partition(_QUOTED_LINE)
    if not is_quoted:
        return text[:MAX_REASON_CHARACTERS]
    invalid_line = next((line for line in head.split(END_OF_LINE) if message.endswith(repr(bytearray(line)))), b"")
    shown_line = quote(invalid_line[:MAX_REASON_CHARACTERS], safe=PRINTABLE)
    return f"{text[:MAX_REASON_CHARACTERS]}: {shown_line[:MAX_REASON_CHARACTERS]}"


def _redirected_url(target: str, request: h11.Request) -> str:
    """Return the URL of a redirected client's request, or an empty string for other clients.

    A redirected client assumes that it is connected to one of Twilio's hosts, so its target is only a path.
    """
    host = dict(request.headers).get(b"host", b"").decode("latin-1")
    is_redirected = target.startswith("/") and _HOST_FIELD.fullmatch(host)
    return f"http://{host}{target}" if is_redirected and host_role(normalize_host(host)) is not HostRole.OTHER else ""


def _forwarded_request(url: re.Match[str], request: h11.Request) -> ProxyRequest:
    """Return a request for an absolute URL. Some clients send even https:// requests to a proxy in plain text."""
    is_https = url["scheme"].lower() == "https"
    if is_https and host_role(normalize_host(url["host"])) is HostRole.OTHER:
        raise InvalidRequest("this proxy accepts https:// URLs only for Twilio hosts: use CONNECT host:port for others")
    default_port = HTTPS_PORT if is_https else HTTP_PORT
    port = _port(url["port"]) if url["port"] else default_port
    authority = url["host"] if port == default_port else f"{url['host']}:{port}"
    path = (url["path"] or "/").encode()
    lines = [
        b"%b %b HTTP/%b" % (request.method, path if path.startswith(b"/") else b"/" + path, request.http_version),
        b"Host: " + authority.encode(),
        *(name + b": " + value for name, value in _forwarded_fields(request)),
        b"Connection: close",
    ]
    return ProxyRequest(normalize_host(url["host"]), port, b"\r\n".join([*lines, b"", b""]), _body_bytes(request))


def _port(digits: str) -> int:
    port = int(digits)
    if not 0 < port < 2**16:
        raise InvalidRequest(f"{port} is not a valid port")
    return port


def _forwarded_fields(request: h11.Request) -> Iterator[tuple[bytes, bytes]]:
    """Return all fields except Host and hop-by-hop fields. Source: RFC 9110, 7.6.1."""
    listed = {
        option.strip().lower()
        for name, value in request.headers
        if name == b"connection"
        for option in value.split(b",")
    }
    removed = ((_HOP_BY_HOP_NAMES | listed) - _FRAMING_NAMES) | {b"host"}
    return ((name, value) for name, value in request.headers.raw_items() if name.lower() not in removed)


def _body_bytes(request: h11.Request) -> int | None:
    """Return the length of the body, or None if it is chunked."""
    fields = dict(request.headers)
    return None if b"transfer-encoding" in fields else int(fields.get(b"content-length", b"0"))


async def read_tunneled_head(reader: asyncio.StreamReader, received: bytes) -> tuple[bytes, str]:
    """Read until the end of the head if a tunnel starts with a request line of HTTP/1; otherwise read nothing.

    Return the bytes read, and the Twilio host in the Host fields, or "". Raises ValueError if the head is too
    long: its host is unknown, and could be one of Twilio's.
    """
    data = bytearray(received)
    if not _REQUEST_LINE.match(data):
        return received, ""
    searched_bytes = 0
    while data.find(END_OF_HEAD, searched_bytes) < 0:
        if len(data) >= MAX_TUNNELED_HEAD_BYTES:
            raise ValueError(f"the head of a request is longer than {MAX_TUNNELED_HEAD_BYTES} bytes")
        if not (piece := await reader.read(MAX_TUNNELED_HEAD_BYTES)):
            break
        searched_bytes = len(data) - len(END_OF_HEAD) + 1
        data += piece
    head = bytes(data).partition(END_OF_HEAD)[0]
    hosts = (normalize_host(field.decode("latin-1")) for field in _HOST_FIELDS.findall(head))
    return bytes(data), next((host for host in hosts if host_role(host) is not HostRole.OTHER), "")

"""What a client asks of a proxy: the head of its request, read strictly, and as it is sent on."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from ringback.domain.twilio_hosts import HostRole, host_name, role_of

HTTP_PORT, HTTPS_PORT = 80, 443
_AUTHORITY = r"(?P<host>[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])"
_CONNECT = re.compile(rf"CONNECT {_AUTHORITY}:(?P<port>[0-9]{{1,5}}) HTTP/1\.[01]")
_ABSOLUTE = re.compile(
    rf"(?!CONNECT)(?P<method>[A-Z]{{1,20}}) (?P<scheme>(?i:https?))://{_AUTHORITY}(:(?P<port>[0-9]{{1,5}}))?"
    r"(?P<target>[/?][!-~]*)? (?P<version>HTTP/1\.[01])"
)
_ORIGIN = re.compile(r"(?P<method>[A-Z]{1,20}) (?P<target>/[!-~]*) (?P<version>HTTP/1\.[01])")
_HOST_FIELD = re.compile(rf"{_AUTHORITY}(:[0-9]{{1,5}})?")
_FIELD = re.compile(r"(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(?P<value>[^\r\n\0]*)")
_LENGTH = re.compile(r"[0-9]{1,18}")
_OF_ONE_HOP = frozenset(
    {"connection", "host", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "upgrade"}
)
_WHOLE_BODY = "chunked"


class UnfitRequest(Exception):
    """A request that a proxy does not take; the message says why."""


class ProxyRequest(NamedTuple):
    """Where a client wants to get, and what is sent on there.

    `head` is empty for a tunnel: all bytes are passed on. `body_bytes` is None for a body in chunks. A redirected
    client begins TLS without CONNECT: its `client_hello` has been read.
    """

    host: str
    port: int
    head: bytes = b""
    body_bytes: int | None = None
    client_hello: bytes = b""

    @property
    def is_tunnel(self) -> bool:
        return not self.head


def read_head(head: bytes) -> ProxyRequest:
    """Read a head that ends with its empty line. Raises UnfitRequest."""
    request_line, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    fields = list(_fields(lines))
    if tunnel := _CONNECT.fullmatch(request_line):
        return ProxyRequest(host_name(tunnel["host"]), _port(tunnel["port"]))
    absolute = _ABSOLUTE.fullmatch(request_line) or _ABSOLUTE.fullmatch(_redirected(request_line, fields))
    if absolute is None:
        raise UnfitRequest("this is a proxy: it takes CONNECT host:port, and http:// URLs")
    return _whole_request(absolute, fields)


def _redirected(request_line: str, fields: list[tuple[str, str]]) -> str:
    """Return a request line with the whole URL for a redirected client, or an empty string for other clients.

    A redirected client believes that it speaks with a host of Twilio's, so its request line has only a path.
    """
    origin = _ORIGIN.fullmatch(request_line)
    hosts = [value.strip() for name, value in fields if name.lower() == "host"]
    if origin is None or len(hosts) != 1 or not _HOST_FIELD.fullmatch(hosts[0]):
        return ""
    if role_of(host_name(hosts[0])) is HostRole.OTHER:
        return ""
    return f"{origin['method']} http://{hosts[0]}{origin['target']} {origin['version']}"


def _whole_request(absolute: re.Match[str], fields: list[tuple[str, str]]) -> ProxyRequest:
    """Return a request that names its URL, and which comes as plain HTTP even where that begins with https://."""
    is_https = absolute["scheme"].lower() == "https"
    if is_https and role_of(host_name(absolute["host"])) is HostRole.OTHER:
        raise UnfitRequest("this proxy takes https:// URLs of Twilio's hosts only: use CONNECT host:port for others")
    default_port = HTTPS_PORT if is_https else HTTP_PORT
    port = _port(absolute["port"]) if absolute["port"] else default_port
    authority = absolute["host"] if port == default_port else f"{absolute['host']}:{port}"
    target = absolute["target"] or "/"
    sent_on = [
        f"{absolute['method']} {target if target[0] == '/' else f'/{target}'} {absolute['version']}",
        f"Host: {authority}",
        *(f"{name}: {value}" for name, value in _sent_on(fields)),
        "Connection: close",
    ]
    head = "\r\n".join([*sent_on, "", ""]).encode("latin-1")
    return ProxyRequest(host_name(absolute["host"]), port, head, _body_bytes(fields))


def _port(digits: str) -> int:
    port = int(digits)
    if not 0 < port < 2**16:
        raise UnfitRequest(f"there is no port {port}")
    return port


def _fields(lines: list[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        field = _FIELD.fullmatch(line)
        if field is None:
            raise UnfitRequest("a header field cannot be read")
        yield field["name"], field["value"]


def _sent_on(fields: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Leave out what is said to the proxy alone. Source: RFC 9110, 7.6.1."""
    named = {
        part.strip().lower() for name, value in fields if name.lower() == "connection" for part in value.split(",")
    }
    framing = {"content-length", "transfer-encoding"}
    return ((name, value) for name, value in fields if name.lower() not in (_OF_ONE_HOP | named) - framing | {"host"})


def _body_bytes(fields: list[tuple[str, str]]) -> int | None:
    """Return how long the body is, None where its own framing tells. Raises UnfitRequest where that is in doubt."""
    lengths = [value.strip() for name, value in fields if name.lower() == "content-length"]
    codings = [value.strip().lower() for name, value in fields if name.lower() == "transfer-encoding"]
    if len(lengths) + len(codings) > 1:
        raise UnfitRequest("the length of the body is told twice")
    if codings:
        if codings != [_WHOLE_BODY]:
            raise UnfitRequest("of transfer codings there is only chunked")
        return None
    if not lengths:
        return 0
    if not _LENGTH.fullmatch(lengths[0]):
        raise UnfitRequest("the length of the body is no number")
    return int(lengths[0])

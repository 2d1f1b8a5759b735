"""Callback URLs: strict parsing into the signed URL, the request and the server to connect to."""

import base64
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes, urlencode, urljoin, urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_PORT = 65_535
MAX_HOST_CHARACTERS = 253
"""Maximum length of a host name. Source: RFC 1035, section 2.3.4."""
CACHED_CHARACTERS = 1_000
"""Maximum length of a URL that is cached. 1,000 longer URLs, which redirects may contain, would use too much memory."""
TARGET_KEY = "ringback.target"
"""ASGI scope key for the request target exactly as it is in the request line, including the '?' of an empty query."""

_SENT_AS_IS = "!#$%&'()*+,/:;=?@[]~-._|"
_HOST = re.compile(r"[A-Za-z0-9._~-]+|[0-9A-Fa-f:.]+(%[A-Za-z0-9._~-]+)?")
_USER_INFO = re.compile(r"//[^/?#]*@")
_PORT = re.compile(r":[0-9]*\Z")
_AUTHORITY = re.compile(rb"[A-Za-z]+://([^/?#]*)")
_INVALID_CHARACTERS = re.compile(r"[\x00-\x20\x7f\\]")


@dataclass(frozen=True, slots=True)
class HttpUrl:
    """An absolute http(s) URL.

    `host` and `port` are the address to connect to; the host is without brackets, and international names are in
    punycode. `host_header` is the authority as written, `target` is the path and query to request, and `authorization`
    is the Basic header for the URL's user info. `fragment` is never sent.
    """

    scheme: str
    host: str
    port: int
    host_header: str
    target: str
    authorization: str | None
    fragment: str

    @property
    def signed(self) -> str:
        """The URL as the receiver sees it, which the signature covers."""
        return f"{self.scheme}://{self.host_header}{self.target}"

    @property
    def signed_without_port(self) -> str:
        """The URL as the receiver sees it, except that its port is removed."""
        return f"{self.scheme}://{without_port(self.host_header)}{self.target}"

    @property
    def origin(self) -> tuple[str, str, int]:
        """The scheme, host and port. Credentials are never sent to another origin."""
        return self.scheme, self.host, self.port

    @property
    def receiver(self) -> str:
        """The host and port of the server; connections are counted per receiver."""
        return f"{self.host}:{self.port}"

    def with_parameters(self, parameters: tuple[tuple[str, str], ...]) -> "HttpUrl":
        """Return this URL with `parameters` added to its query."""
        joint = "" if self.target.endswith(("?", "&")) else "&" if "?" in self.target else "?"
        return replace(self, target=f"{self.target}{joint}{urlencode(parameters)}")

    def joined(self, location: str) -> "HttpUrl":
        """Return the URL of a redirect to `location`. User info is kept only within the same origin.

        A different host or port could read it, and a redirect to http would send it unencrypted. Raises ValueError if
        the result is not an http(s) URL.
        """
        joined = parse_url(urljoin(self.signed, location))
        if joined.authorization is None and joined.origin == self.origin:
            return replace(joined, authorization=self.authorization)
        return joined


def parse_url(text: str) -> HttpUrl:
    """Parse an absolute http(s) URL with a host, and percent-encode characters that are not valid in a request line.

    Raises ValueError for anything else, including URLs with white space, control characters or backslashes.
    """
    return _cached(text) if len(text) <= CACHED_CHARACTERS else _parsed(text)


def _parsed(text: str) -> HttpUrl:
    if _INVALID_CHARACTERS.search(text):
        raise ValueError("a URL must not contain white space, control characters or backslashes")
    parts = urlsplit(text)
    scheme = parts.scheme.lower()
    if scheme not in DEFAULT_PORTS or not parts.hostname:
        raise ValueError("it must be an absolute http or https URL")
    if parts.port == 0:
        raise ValueError(f"a port must be a number from 1 to {MAX_PORT}")
    host = _ascii_host(parts.hostname)
    return HttpUrl(
        scheme,
        host,
        parts.port or DEFAULT_PORTS[scheme],
        _host_header(parts.netloc, host),
        _target(parts.path, parts.query if "?" in text.partition("#")[0] else None),
        _basic_authorization(parts.netloc),
        parts.fragment,
    )


_cached = lru_cache(maxsize=1024)(_parsed)


def _ascii_host(hostname: str) -> str:
    try:
        host = hostname if hostname.isascii() else hostname.encode("idna").decode()
    except UnicodeError as error:
        raise ValueError("the host is not a domain name") from error
    if len(host) > MAX_HOST_CHARACTERS:
        raise ValueError(f"a host name must not have more than {MAX_HOST_CHARACTERS} characters")
    if not _HOST.fullmatch(host):
        raise ValueError("the host is neither a domain name nor an address")
    return host


def _host_header(netloc: str, host: str) -> str:
    """Return the authority as written, with its letter case and port. International names are converted to punycode."""
    written = netloc.rpartition("@")[2].removesuffix(":")
    if written.isascii():
        return written
    _, colon, port = written.rpartition(":")
    return f"{host}{colon}{port}" if colon else host


def _target(path: str, query: str | None) -> str:
    sent_path = quote(path or "/", safe=_SENT_AS_IS)
    return sent_path if query is None else f"{sent_path}?{quote(query, safe=_SENT_AS_IS)}"


def _basic_authorization(netloc: str) -> str | None:
    userinfo, separator, _ = netloc.rpartition("@")
    if not separator:
        return None
    user, _, password = userinfo.partition(":")
    credentials = unquote_to_bytes(user) + b":" + unquote_to_bytes(password)
    return f"Basic {base64.b64encode(credentials).decode()}"


def without_port(authority: str) -> str:
    """Return an authority, as in a Host header, without its port."""
    return _PORT.sub("", authority)


def has_port(url: str) -> bool:
    """Return whether a URL has an explicit port."""
    return bool(_PORT.search(urlsplit(url).netloc))


def without_secrets(url: str) -> str:
    """Return a URL without user info or query. The URL may be invalid."""
    return _USER_INFO.sub("//", url).partition("?")[0]


def authority_of(target: bytes) -> str | None:
    """Return the host and port of a request target, without user info.

    Return None if the target is not an absolute URL.
    """
    url = _AUTHORITY.match(target)
    return url[1].rpartition(b"@")[2].decode("latin-1") if url else None

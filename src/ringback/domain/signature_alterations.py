"""Known differences between a signed StatusCallback and the request that its receiver sees, listed in `CHANGES`.

Proxies and frameworks change the scheme, host, path or parameters. Each row of `CHANGES` reverses one such change: it
converts the request that the receiver sees into a request that the sender may have signed.
"""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from hmac import compare_digest
from urllib.parse import parse_qsl, quote, quote_plus, unquote, unquote_plus, urlencode

from ringback.domain.callback_hops import ParameterPairs
from ringback.domain.callbacks import signature
from ringback.domain.urls import DEFAULT_PORTS
from ringback.domain.webhook_signing import SignatureAlgorithm, WebhookSigning

PARAMETER_WEIGHT = 16
"""Cost of signing a parameter, as the number of characters that take about as long to sign."""

_PORT = re.compile(r":[0-9]*\Z")
_PERCENT_HEX = re.compile(r"%[0-9A-Fa-f]{2}")
_FORWARDED = re.compile(r"""(?:^|[;,\s])(host|proto)="?([^";,\s]+)""", re.ASCII | re.IGNORECASE)
_LONGEST_FORWARDED = 1_000
_PATH_PUNCTUATION = "/!$&'()*+,:;=@"


@dataclass(frozen=True, slots=True)
class Signable:
    """A request that may have been signed, with the `headers` (names in lower case) and `body` that changes need.

    `key` is an auth token or the secret of a shared key. `form` is sorted for signing. `loose` contains parameters that
    are already joined, in a different order.
    """

    key: str
    scheme: str
    host: str
    path: str
    query: str | None
    form: ParameterPairs
    loose: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, compare=False)
    body: str = field(default="", compare=False)
    algorithm: SignatureAlgorithm = SignatureAlgorithm.HMAC_SHA1

    @property
    def url(self) -> str:
        query = "" if self.query is None else f"?{self.query}"
        return f"{self.scheme}://{self.host}{self.path}{query}"

    @property
    def size(self) -> int:
        """The cost of signing this request, in characters."""
        return len(self.url) + len(self.loose) + sum(len(n) + len(v) + PARAMETER_WEIGHT for n, v in self.form)

    def has_signature(self, given: str) -> bool:
        """Return whether `given` is the signature of this request. The comparison takes constant time."""
        expected = signature(self.key, self.url + self.loose, self.form, self.algorithm)
        return compare_digest(expected.encode(), given.encode())


Change = tuple[str, Callable[[Signable], Signable]]
"""The description of a difference, and a function that reverses it. For a request without this difference, the
function returns an equal request."""


def pairs(encoded: str | None) -> ParameterPairs:
    """Return the parameters of a form or a query, including empty ones."""
    return tuple(parse_qsl(encoded or "", keep_blank_values=True))


def _raw_pairs(encoded: str) -> ParameterPairs:
    split = (part.partition("=") for part in encoded.split("&") if part)
    return tuple((name, value) for name, _, value in split)


def _first(headers: Mapping[str, str], name: str) -> str:
    """Return the first value of a header to which each proxy may append a value, or an empty string."""
    return headers.get(name.lower(), "").partition(",")[0].strip()


def _forwarded(headers: Mapping[str, str], part: str) -> str:
    pairs_found = _FORWARDED.findall(headers.get("forwarded", "")[:_LONGEST_FORWARDED])
    return next((value for name, value in pairs_found if name.lower() == part), "")


Key = str | WebhookSigning
"""An auth token or a shared key."""


def with_key(signable: Signable, key: Key) -> Signable:
    """Return a request that is signed with another key."""
    if isinstance(key, WebhookSigning):
        return replace(signable, key=key.secret, algorithm=key.algorithm)
    return replace(signable, key=key, algorithm=SignatureAlgorithm.HMAC_SHA1)


def other_key(name: str, key: Key) -> Change:
    """Return the change to another auth token or shared key, which `name` describes."""
    return f"it was signed with {name}", lambda s: with_key(s, key)


def _scheme(seen: str, signed: str, why: str) -> Change:
    words = f"the receiver sees {seen}, the sender was given {signed} ({why})"
    return words, lambda s: replace(s, scheme=signed) if s.scheme == seen else s


def _host(words: str, change: Callable[[Signable], str]) -> Change:
    return f"the URL was signed {words}", lambda s: replace(s, host=change(s) or s.host)


def _with_port(s: Signable, port: object) -> str:
    return f"{_PORT.sub('', s.host)}:{port}" if port else s.host


def _proxied(s: Signable) -> Signable:
    """Return the request with the URL that the X-Forwarded headers describe."""
    scheme = _first(s.headers, "X-Forwarded-Proto") or _forwarded(s.headers, "proto") or s.scheme
    host = _first(s.headers, "X-Forwarded-Host") or _forwarded(s.headers, "host") or s.host
    port, prefix = _first(s.headers, "X-Forwarded-Port"), _first(s.headers, "X-Forwarded-Prefix").rstrip("/")
    proxied = replace(s, scheme=scheme.lower(), host=host, path=prefix + s.path)
    is_default = port == str(DEFAULT_PORTS.get(proxied.scheme))
    return proxied if is_default else replace(proxied, host=_with_port(proxied, port))


def _with_user_info(s: Signable) -> str:
    kind, _, credentials = s.headers.get("authorization", "").partition(" ")
    try:
        user, colon, password = base64.b64decode(credentials).decode(errors="replace").partition(":")
    except ValueError:
        return s.host
    return (
        f"{quote(user, safe='')}:{quote(password, safe='')}@{s.host}" if colon and kind.lower() == "basic" else s.host
    )


def _original_target(header: str) -> Change:
    def change(s: Signable) -> Signable:
        path, mark, query = s.headers.get(header.lower(), "").partition("?")
        return replace(s, path=path, query=query if mark else None) if path.startswith("/") else s

    return f"a proxy changed the path; the one in {header} was signed", change


def _path(words: str, change: Callable[[str], str]) -> Change:
    return f"the path was signed {words}", lambda s: replace(s, path=change(s.path))


def _query(words: str, change: Callable[[str], str | None]) -> Change:
    return f"the query was signed {words}", lambda s: s if s.query is None else replace(s, query=change(s.query))


def _percent_hex(words: str, change: Callable[[str], str]) -> Change:
    def spelled(text: str) -> str:
        return _PERCENT_HEX.sub(lambda found: change(found[0]), text)

    return (
        f"the URL was signed with its percent-encoding in {words} case",
        lambda s: replace(s, path=spelled(s.path), query=None if s.query is None else spelled(s.query)),
    )


def _form(words: str, change: Callable[[ParameterPairs], ParameterPairs]) -> Change:
    return f"the parameters were signed {words}", lambda s: replace(s, form=change(s.form))


def _body(words: str, change: Callable[[str], ParameterPairs]) -> Change:
    return f"the parameters were signed {words}", lambda s: replace(s, form=change(s.body)) if s.form else s


def _loose(words: str, order: Callable[[ParameterPairs], list[tuple[str, str]]]) -> Change:
    def change(s: Signable) -> Signable:
        return replace(s, form=(), loose=s.loose + "".join(name + value for name, value in order(s.form)))

    return f"the parameters were signed {words}", change


def _query_as_form(s: Signable) -> Signable:
    return replace(s, form=s.form + pairs(s.query))


def _query_moved_to_form(s: Signable) -> Signable:
    return replace(_query_as_form(s), query=None)


def _form_moved_to_query(s: Signable) -> Signable:
    return replace(s, query="&".join(filter(None, (s.query, s.body))), form=()) if s.form else s


def _by_name_in_any_case(form: ParameterPairs) -> list[tuple[str, str]]:
    return sorted(form, key=lambda pair: pair[0].lower())


CHANGES: tuple[Change, ...] = (
    _scheme("http", "https", "does a proxy terminate TLS?"),
    _scheme("https", "http", "does a proxy add TLS?"),
    _host("with the host of X-Forwarded-Host", lambda s: _first(s.headers, "X-Forwarded-Host")),
    _host("with the host of X-Original-Host", lambda s: _first(s.headers, "X-Original-Host")),
    _host("with the host of the Forwarded header", lambda s: _forwarded(s.headers, "host")),
    _host("without the port of the Host header", lambda s: _PORT.sub("", s.host)),
    _host("with the explicit default port of its scheme", lambda s: _with_port(s, DEFAULT_PORTS.get(s.scheme))),
    _host("with the port of X-Forwarded-Port", lambda s: _with_port(s, _first(s.headers, "X-Forwarded-Port"))),
    _host("with its host in lower case", lambda s: s.host.lower()),
    _host("with the user name and password of the Authorization header in it", _with_user_info),
    ("the URL was signed as the X-Forwarded headers describe it", _proxied),
    _original_target("X-Original-URL"),
    _original_target("X-Original-URI"),
    _original_target("X-Forwarded-URI"),
    _original_target("X-Rewrite-URL"),
    _original_target("X-Envoy-Original-Path"),
    _path("without its trailing slash", lambda path: path.removesuffix("/")),
    _path("with a trailing slash", lambda path: path if path.endswith("/") else f"{path}/"),
    _path("decoded", unquote),
    _path("with all but its punctuation encoded", lambda path: quote(unquote(path), safe=_PATH_PUNCTUATION)),
    _path("with its punctuation encoded too", lambda path: quote(unquote(path))),
    ("the URL was signed with a trailing '?'", lambda s: s if s.query else replace(s, query="")),
    _query("with its parameters sorted", lambda query: "&".join(sorted(query.split("&")))),
    _query("with its parameters in reverse order", lambda query: "&".join(reversed(query.split("&")))),
    _query("with %20 for a space, not +", lambda query: query.replace("+", "%20")),
    _query("with + for a space, not %20", lambda query: query.replace("%20", "+")),
    _query("decoded", unquote),
    _query("decoded, with + as a space", unquote_plus),
    _query("form-encoded", lambda query: urlencode(pairs(query))),
    _query("form-encoded, but with %20 for a space", lambda query: urlencode(pairs(query), quote_via=quote)),
    _query("without empty parameters", lambda query: urlencode(parse_qsl(query))),
    ("the URL was signed without its query", lambda s: replace(s, query=None)),
    _percent_hex("upper", str.upper),
    _percent_hex("lower", str.lower),
    ("the query's parameters were signed as if they were posted", _query_moved_to_form),
    ("the query's parameters were signed both in the URL and as if they were posted", _query_as_form),
    ("the parameters were signed in the URL's query, as for a GET", _form_moved_to_query),
    ("the body was signed as a form, but its Content-Type does not say so", lambda s: replace(s, form=pairs(s.body))),
    _body("with + as a plus sign, not as a space", lambda body: pairs(body.replace("+", "%2B"))),
    _body("still percent-encoded, as in the body", _raw_pairs),
    _form("decoded twice", lambda form: tuple((unquote_plus(name), unquote_plus(value)) for name, value in form)),
    _form("encoded", lambda form: tuple((quote_plus(name), quote_plus(value)) for name, value in form)),
    _form("with %20 for a space, encoded", lambda form: tuple((quote(n, ""), quote(v, "")) for n, v in form)),
    _form("without the white space around their values", lambda form: tuple((n, v.strip()) for n, v in form)),
    _form("without empty ones", lambda form: tuple((n, v) for n, v in form if v)),
    _form("with only the last of each name", lambda form: tuple(dict(form).items())),
    _form("with only the first of each name", lambda form: tuple(dict(reversed(form)).items())),
    _form("with duplicates removed", lambda form: tuple(dict.fromkeys(form))),
    ("the parameters were not signed, only the URL", lambda s: replace(s, form=())),
    _loose("in the order received, not sorted by name", list),
    _loose("sorted by name only, not by value", lambda form: sorted(form, key=lambda pair: pair[0])),
    _loose("sorted by name, ignoring case", _by_name_in_any_case),
)
"""All known differences, the most likely first. Changes that move parameters come before changes that rewrite
parameters."""

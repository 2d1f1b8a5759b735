"""Verification of X-Twilio-Signature, and a search for the request for which an invalid signature would be valid.

The search tries the rows of `CHANGES`, the most likely first: single changes, then pairs.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain, combinations, islice, product
from urllib.parse import urlencode

from ringback.domain.accounts import Account
from ringback.domain.callback_hops import CallbackHop, ParameterPairs
from ringback.domain.callbacks import CallbackAttempt, StatusCallback
from ringback.domain.fault_effects import AlterSignature, Effect, SignatureFlaw, bad_key
from ringback.domain.policies import SignedPort
from ringback.domain.signature_alterations import CHANGES, Change, Key, Signable, other_key, pairs, with_key
from ringback.domain.urls import HttpUrl, parse_url, without_port
from ringback.domain.webhook_signing import SETTINGS_HEADER, WebhookSigning, algorithm_of

MAX_RECONSTRUCTIONS = 2_000
MAX_SIGNED_CHARACTERS = 4_000_000
"""Maximum total size of all reconstructions of a request. It limits the time that a huge body takes."""

MISSING = "The request has no X-Twilio-Signature header."
MALFORMED = (
    "The X-Twilio-Signature header is not a signature: it must have 28 characters, the base64 of 20 bytes, or 44 "
    "characters for HMAC_SHA256."
)
UNEXPLAINED = "The signature matches no reconstruction of this request; was it made with another account's auth token?"

OF_NOBODY = 'an auth token that belongs to no account, as with the fault {"signature": "bad"}'
"""Description of the token with which the fault signs."""
NO_SECONDARY = (
    'an auth token that belongs to no account: the fault {"signature": "secondary"} was used, and the account had no '
    "secondary auth token"
)
BAD_OR_SECONDARY = f'{OF_NOBODY} or, without a secondary auth token, {{"signature": "secondary"}}'
"""Description of the same token in an inbox, where the fault is not known."""
SECONDARY = "the secondary auth token of this account, which Twilio never signs with"
PREVIOUS = "the former primary auth token of this account, which was replaced when the secondary one was promoted"
SIGNED_WITH_PRIMARY = " It is signed with the primary auth token: a check with the {} one fails."
OTHER_TOKENS = {SECONDARY: "secondary", PREVIOUS: "former"}
PLAIN = f"the auth token, but its header {SETTINGS_HEADER} names a shared key"
UNNAMED_KEY = f"the shared key {{}}, but it lacks the header {SETTINGS_HEADER}, which names it"
BAD_SHARED_KEY = 'a shared key that belongs to no account, as with the fault {"signature": "bad"}'
SIGNED_WITH_KEY = " It is signed with the shared key {}: a check with an auth token fails."
UNKNOWN_KEY = (
    f"The header {SETTINGS_HEADER} names a shared key, which this account does not have, and the signature matches no "
    "reconstruction of this request with its auth token."
)
CHANGED_KEY = "it was signed with a key that this account no longer has"
INVALID_THEN = (
    "The signature was not valid when it was sent: a fault altered it. A check succeeds now, because the account's "
    "keys or port policy have changed since."
)

_BODILESS_METHODS = frozenset({"GET", "HEAD"})
_FORM_CONTENT_TYPES = frozenset({"", "application/x-www-form-urlencoded"})
_SIGNATURE = re.compile(r"([A-Za-z0-9+/]{16})?[A-Za-z0-9+/]{27}=")
_ABSOLUTE_TARGET = re.compile(r"(https?)://([^/?]*)(.*)", re.ASCII | re.IGNORECASE | re.DOTALL)

_NOT_CONNECTED = re.compile(r"ConnectError|ConnectTimeout|cannot resolve |callbacks to .* are not allowed", re.DOTALL)
"""The errors of attempts without a connection in journals of ringback 0.1.0."""


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A request as its receiver sees it: `target` is the unmodified path and query; `headers` include Host."""

    method: str
    scheme: str
    target: bytes
    headers: ParameterPairs
    body: bytes


@dataclass(frozen=True, slots=True)
class SignatureVerdict:
    """The result of a verification: whether the signature is valid for `signed_url`, the URL as the receiver sees it.

    For an invalid signature, `matching_url` and `difference` describe the most similar request for which it is valid.
    Both are None if no such request was found. `matching_url` is also None if only the parameters or the key differ.
    """

    is_valid: bool
    signed_url: str
    explanation: str
    matching_url: str | None = None
    difference: str | None = None


def verify_signature(
    request: ReceivedRequest,
    auth_token: str,
    other_keys: Mapping[str, Key] | None = None,
    given_url: str | None = None,
    shared_key: WebhookSigning | None = None,
) -> SignatureVerdict:
    """Verify the signature of `request` with its account's `auth_token`. Never raises, even for arbitrary bytes.

    A request whose header names a shared key is verified with the account's `shared_key`. `other_keys` maps names to
    keys that may have been used by mistake. `given_url` is the StatusCallback URL that the sender was given, or None if
    it is unknown; it is tried last. Checking an invalid signature takes about 20 ms, because up to
    `MAX_RECONSTRUCTIONS` reconstructions are tried.
    """
    seen = _as_seen(request, auth_token)
    settings = seen.headers.get(SETTINGS_HEADER.lower(), "").strip()
    other_keys = dict(other_keys or {})
    if shared_key and settings:
        seen = replace(with_key(seen, shared_key), algorithm=algorithm_of(settings) or shared_key.algorithm)
        other_keys[PLAIN] = auth_token
    elif shared_key:
        other_keys[UNNAMED_KEY.format(shared_key.key_sid)] = shared_key
    given = seen.headers.get("x-twilio-signature", "").strip()
    if seen.has_signature(given):
        others = [word for name, word in OTHER_TOKENS.items() if name in other_keys]
        note = SIGNED_WITH_PRIMARY.format(" or the ".join(others)) if others else ""
        if shared_key and settings:
            note = SIGNED_WITH_KEY.format(shared_key.key_sid)
        return SignatureVerdict(
            is_valid=True, signed_url=seen.url, explanation=f"The signature is valid for {seen.url}.{note}"
        )
    if not _SIGNATURE.fullmatch(given):
        return SignatureVerdict(is_valid=False, signed_url=seen.url, explanation=MALFORMED if given else MISSING)
    for difference, signable in chain(reconstructions(seen, other_keys), _as_given(seen, given_url)):
        if signable.has_signature(given):
            return _reconstructed(seen, signable, difference)
    explanation = UNKNOWN_KEY if settings and not shared_key else UNEXPLAINED
    return SignatureVerdict(is_valid=False, signed_url=seen.url, explanation=explanation)


def _reconstructed(seen: Signable, signed: Signable, difference: str) -> SignatureVerdict:
    is_same_url = signed.url == seen.url
    return SignatureVerdict(
        is_valid=False,
        signed_url=seen.url,
        explanation=f"The signature is {'wrong' if is_same_url else f'valid for {signed.url}'}: {difference}.",
        matching_url=None if is_same_url else signed.url,
        difference=difference,
    )


def reconstructions(seen: Signable, other_keys: Mapping[str, Key]) -> Iterator[tuple[str, Signable]]:
    """Yield the possible differences, the most likely first, each with the request that would then have been signed."""
    keys = [other_key(name, key) for name, key in other_keys.items()]
    known, characters = {seen}, 0
    for changes in islice(_tries(seen, keys), MAX_RECONSTRUCTIONS):
        signable = seen
        for _, change in changes:
            signable = change(signable)
        characters += signable.size
        if characters > MAX_SIGNED_CHARACTERS:
            return
        if signable not in known:
            known.add(signable)
            yield ", and ".join(words for words, _ in changes), signable


def _as_given(seen: Signable, given_url: str | None) -> Iterator[tuple[str, Signable]]:
    """Yield requests for the given URL: a POST, and a GET with the parameters in its query."""
    try:
        url = parse_url(given_url or "")
    except ValueError:
        return
    path, mark, query = url.target.partition("?")
    given = replace(seen, scheme=url.scheme, host=url.host_header, path=path, query=query if mark else None)
    words = f"it was signed for the StatusCallback URL as it was given, {url.signed}"
    yield words, given
    yield words, replace(given, query=seen.query)


def _tries(seen: Signable, keys: Sequence[Change]) -> Iterator[tuple[Change, ...]]:
    """Yield single changes, then pairs of changes with different effects."""
    yield from ((change,) for change in chain(CHANGES, keys))
    results = [(row[1](seen), row) for row in CHANGES]
    alone = dict(reversed(results))
    effective = [change for signable, change in results if signable != seen and alone[signable] is change]
    yield from combinations(effective, 2)
    yield from product(effective, keys)


def _as_seen(request: ReceivedRequest, auth_token: str) -> Signable:
    headers: dict[str, str] = {}
    for name, value in request.headers:
        headers.setdefault(name.lower(), value.encode(errors="replace").decode())
    body, target = request.body.decode(errors="replace"), request.target.decode(errors="replace")
    scheme, host = request.scheme, headers.get("host", "")
    if absolute := _ABSOLUTE_TARGET.fullmatch(target):
        scheme, host, target = absolute[1].lower(), absolute[2], absolute[3]
    path, mark, query = target.partition("?")
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    has_form = request.method.upper() not in _BODILESS_METHODS and content_type in _FORM_CONTENT_TYPES
    form = pairs(body) if has_form else ()
    return Signable(auth_token, scheme, host, path, query if mark else None, form, "", headers, body)


Verifier = Callable[[CallbackHop], SignatureVerdict | None]


def own_tokens(account: Account) -> dict[str, Key]:
    """Return the tokens of an account that do not sign its callbacks, by name."""
    tokens = {SECONDARY: account.secondary_auth_token, PREVIOUS: account.previous_auth_token}
    return {name: token for name, token in tokens.items() if token}


def fault_keys(auth_token: str, shared_key: WebhookSigning | None, name: str) -> dict[str, Key]:
    """Return the wrong keys that faults sign with, by name. `name` is the name for the wrong auth token."""
    keys: dict[str, Key] = {name: bad_key(auth_token)}
    if shared_key:
        keys[BAD_SHARED_KEY] = shared_key._replace(secret=bad_key(shared_key.secret))
    return keys


def make_verifier(
    auth_token: str,
    parameters: ParameterPairs,
    other_keys: Mapping[str, Key] | None = None,
    signed_port: SignedPort = SignedPort.AS_GIVEN,
    shared_key: WebhookSigning | None = None,
    fault: Effect | None = None,
) -> Verifier:
    """Return a function that verifies a callback's requests. For a request that was not sent, it returns None.

    `fault` is the fault of the last delivery. Equal requests are verified once, because an invalid signature that no
    fault explains takes about 20 ms.
    """
    name = NO_SECONDARY if fault == AlterSignature(SignatureFlaw.SECONDARY) else OF_NOBODY
    keys = {**(other_keys or {}), **fault_keys(auth_token, shared_key, name)}

    @cache
    def verdict(request: ReceivedRequest) -> SignatureVerdict:
        return verify_signature(request, auth_token, keys, shared_key=shared_key)

    def verify_hop(hop: CallbackHop) -> SignatureVerdict | None:
        return _at_its_time(verdict(_received(hop, parameters, signed_port)), hop) if hop.is_sent else None

    return verify_hop


def _at_its_time(verdict: SignatureVerdict, hop: CallbackHop) -> SignatureVerdict:
    """Return the verdict at the time when a request was sent. Keys and port policy may have changed since then."""
    if hop.is_signature_valid in (None, verdict.is_valid):
        return verdict
    if verdict.is_valid:
        return SignatureVerdict(is_valid=False, signed_url=verdict.signed_url, explanation=INVALID_THEN)
    url = verdict.matching_url or verdict.signed_url
    explanation = f"The signature was valid for {url} when it was sent. A check fails now: "
    return SignatureVerdict(
        is_valid=True, signed_url=url, explanation=f"{explanation}{verdict.difference or CHANGED_KEY}."
    )


def has_valid_signature(callback: StatusCallback, url: HttpUrl) -> bool:
    """Return whether the request that sends `callback` to `url` has a signature that no fault has made invalid."""
    if not isinstance(callback.fault, AlterSignature):
        return True
    is_removed_port = callback.fault.flaw == SignatureFlaw.WITHOUT_PORT
    return is_removed_port and callback.signed_url(url) == replace(callback, fault=None).signed_url(url)


def last_request(attempt: CallbackAttempt) -> CallbackHop:
    """Return the last request of an attempt. A journal of ringback 0.1.0 holds only this request."""
    if attempt.hops:
        return attempt.hops[-1]
    is_sent = attempt.status_code is not None or (
        bool(attempt.headers) and not _NOT_CONNECTED.match(attempt.error or "")
    )
    error = attempt.error if attempt.status_code is None else None
    return CallbackHop(
        attempt.method, attempt.url, attempt.headers, is_sent, attempt.status_code, None, attempt.elapsed_ms, error
    )


def _received(hop: CallbackHop, parameters: ParameterPairs, signed_port: SignedPort) -> ReceivedRequest:
    """Return a request as its receiver got it, except for a port that the policy drops from the signature.

    Each request is signed for its own URL, which contains the parameters of a GET.
    """
    scheme, _, rest = hop.url.partition("://")
    headers = hop.headers
    if scheme == "https" and signed_port == SignedPort.DROPPED:
        headers = tuple((name, without_port(value) if name == "Host" else value) for name, value in headers)
    target = f"/{rest.partition('/')[2]}".encode(errors="replace")
    body = urlencode(parameters).encode() if hop.method == "POST" else b""
    return ReceivedRequest(hop.method, scheme, target, headers, body)

"""Whether a received StatusCallback's X-Twilio-Signature is right; if not, the nearest request it would be right for.

What is tried are the rows of `CHANGES`, from the likeliest to the furthest: single ones first, then pairs.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, combinations, islice, product

from ringback.domain.callback_hops import Parameters
from ringback.domain.signature_alterations import CHANGES, Change, Signable, other_token, pairs
from ringback.domain.urls import parse_url

MAX_RECONSTRUCTIONS = 2_000
MAX_SIGNED_CHARACTERS = 4_000_000
"""What all reconstructions of one request may add up to: bounds the time that a huge body takes."""

MISSING = "There is no X-Twilio-Signature header."
MALFORMED = "The X-Twilio-Signature header is no signature: that is 28 characters, base64 of 20 bytes."
UNEXPLAINED = "The signature matches no reconstruction of this request; is it another account's auth token?"

_BODILESS_METHODS = frozenset({"GET", "HEAD"})
_FORM_CONTENT_TYPES = frozenset({"", "application/x-www-form-urlencoded"})
_SIGNATURE = re.compile(r"[A-Za-z0-9+/]{27}=")
_ABSOLUTE_TARGET = re.compile(r"(https?)://([^/?]*)(.*)", re.ASCII | re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A request as its receiver sees it: `target` is path and query, untouched; `headers` hold Host too."""

    method: str
    scheme: str
    target: bytes
    headers: Parameters
    body: bytes


@dataclass(frozen=True, slots=True)
class SignatureVerdict:
    """Whether the signature is right for `signed_url`, the URL as the receiver sees it; `explanation` says it in words.

    `matching_url` and `difference` tell the nearest request a wrong signature is right for, None where none was found.
    `matching_url` equals `signed_url` where the parameters or the auth token are what differs.
    """

    is_valid: bool
    signed_url: str
    explanation: str
    matching_url: str | None = None
    difference: str | None = None


def signature_verdict(
    request: ReceivedRequest,
    auth_token: str,
    other_tokens: Mapping[str, str] | None = None,
    given_url: str | None = None,
) -> SignatureVerdict:
    """Judge the signature of `request` by its account's `auth_token`; whatever the bytes are, nothing is raised.

    `other_tokens` are auth tokens it may have been signed with by mistake, by the name to tell them by. `given_url` is
    the StatusCallback URL that the sender was given, if that is known: it is tried last.
    A wrong signature takes some twenty milliseconds: up to `MAX_RECONSTRUCTIONS` are computed.
    """
    seen = _as_seen(request, auth_token)
    given = seen.headers.get("x-twilio-signature", "").strip()
    if seen.bears(given):
        return SignatureVerdict(
            is_valid=True, signed_url=seen.url, explanation=f"The signature is right for {seen.url}."
        )
    if not _SIGNATURE.fullmatch(given):
        return SignatureVerdict(is_valid=False, signed_url=seen.url, explanation=MALFORMED if given else MISSING)
    for difference, signable in chain(reconstructions(seen, other_tokens or {}), _as_given(seen, given_url)):
        if signable.bears(given):
            return _explained(seen, signable, difference)
    return SignatureVerdict(is_valid=False, signed_url=seen.url, explanation=UNEXPLAINED)


def _explained(seen: Signable, signed: Signable, difference: str) -> SignatureVerdict:
    return SignatureVerdict(
        is_valid=False,
        signed_url=seen.url,
        explanation=f"The signature is right for {signed.url}: {difference}.",
        matching_url=signed.url,
        difference=difference,
    )


def reconstructions(seen: Signable, other_tokens: Mapping[str, str]) -> Iterator[tuple[str, Signable]]:
    """Yield what may have been signed instead of what is `seen`, each once, nearest first, and how it differs."""
    tokens = [other_token(name, token) for name, token in other_tokens.items()]
    known, characters = {seen}, 0
    for changes in islice(_tries(seen, tokens), MAX_RECONSTRUCTIONS):
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
    """Yield what is signed for the URL as it was given: by POST, and by GET with its parameters behind it."""
    try:
        url = parse_url(given_url or "")
    except ValueError:
        return
    path, mark, query = url.target.partition("?")
    given = replace(seen, scheme=url.scheme, host=url.host_header, path=path, query=query if mark else None)
    words = f"it was signed for the StatusCallback URL as it was given, {url.signed}"
    yield words, given
    yield words, replace(given, query=seen.query)


def _tries(seen: Signable, tokens: Sequence[Change]) -> Iterator[tuple[Change, ...]]:
    """Yield single changes, then pairs of those that do change something, each in its own way."""
    yield from ((change,) for change in chain(CHANGES, tokens))
    results = [(row[1](seen), row) for row in CHANGES]
    alone = dict(reversed(results))
    effective = [change for signable, change in results if signable != seen and alone[signable] is change]
    yield from combinations(effective, 2)
    yield from product(effective, tokens)


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

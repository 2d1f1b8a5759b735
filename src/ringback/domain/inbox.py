"""Inbox messages: requests to the built-in receiver of StatusCallbacks, with a verdict on their signatures."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ringback.domain.callback_hops import ParameterPairs
from ringback.domain.secrets import MASKED, SECRET_HEADERS, mask_user_info
from ringback.domain.signature_alterations import Key, pairs
from ringback.domain.signature_check import ReceivedRequest, SignatureVerdict, verify_signature
from ringback.domain.timestamps import Timestamp
from ringback.domain.webhook_signing import WebhookSigning

KEPT_BODY_BYTES = 64 * 1024
KEPT_PARAMETERS = 1_000

_FORM = "application/x-www-form-urlencoded"
_BODILESS_METHODS = frozenset({"GET", "HEAD"})
_SEPARATORS = re.compile(rb"&+")


@dataclass(frozen=True, slots=True)
class SignatureCandidates:
    """Data that a signature may have been made with: other keys by name, the StatusCallback URL, and the shared key."""

    other_keys: Mapping[str, Key]
    given_url: str | None
    shared_key: WebhookSigning | None = None


@dataclass(frozen=True, slots=True)
class InboxMessage:
    """A received request. `at` is the account's time. Credentials in `headers` are masked, and `body` is truncated."""

    at: Timestamp
    method: str
    url: str
    headers: ParameterPairs
    parameters: ParameterPairs
    body: str
    signature: SignatureVerdict


@dataclass(frozen=True, slots=True)
class InboxSummary:
    """An inbox that has messages: their number, and the account time at which the newest message arrived."""

    name: str
    messages: int
    newest_at: Timestamp


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A stored message. Later messages have higher ids."""

    id: int
    message: InboxMessage


def received_parameters(request: ReceivedRequest) -> ParameterPairs:
    """Return the first parameters of a request, from the query of a GET or the form of any other request."""
    if request.method in _BODILESS_METHODS:
        encoded = request.target.partition(b"?")[2]
    else:
        headers = {name.lower(): value for name, value in request.headers}
        content_type = headers.get("content-type", _FORM).partition(";")[0].strip().lower()
        encoded = request.body[:KEPT_BODY_BYTES] if content_type in ("", _FORM) else b""
    first = _SEPARATORS.split(encoded, KEPT_PARAMETERS + 1)[: KEPT_PARAMETERS + 1]  # the first part may be empty
    return pairs(b"&".join(first).decode(errors="replace"))[:KEPT_PARAMETERS]


def inbox_message(
    request: ReceivedRequest, at: Timestamp, auth_token: str, candidates: SignatureCandidates
) -> InboxMessage:
    """Verify a request's signature and return the message to keep. Verifying an invalid signature takes about 20 ms."""
    verdict = verify_signature(request, auth_token, candidates.other_keys, candidates.given_url, candidates.shared_key)
    return InboxMessage(
        at=at,
        method=request.method,
        url=verdict.signed_url,
        headers=tuple((name, MASKED if name.lower() in SECRET_HEADERS else value) for name, value in request.headers),
        parameters=received_parameters(request),
        body=request.body[:KEPT_BODY_BYTES].decode(errors="replace"),
        signature=_without_credentials(verdict),
    )


def _without_credentials(verdict: SignatureVerdict) -> SignatureVerdict:
    matching_url, difference = verdict.matching_url, verdict.difference
    return SignatureVerdict(
        is_valid=verdict.is_valid,
        signed_url=verdict.signed_url,
        explanation=mask_user_info(verdict.explanation),
        matching_url=matching_url and mask_user_info(matching_url),
        difference=difference and mask_user_info(difference),
    )

"""The StatusCallback: its parameters, its signature, and how patiently it is delivered. Pure; the sender sends."""

import base64
import hashlib
import hmac
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import urlencode

from ringback.domain.callback_hops import CallbackHop, Parameters
from ringback.domain.calls import ValidationCall
from ringback.domain.faults import Effect
from ringback.domain.geography import geography
from ringback.domain.sids import AccountSid, CallSid
from ringback.domain.timestamps import Timestamp, rfc_2822
from ringback.domain.urls import HttpUrl, parse_url

VALIDATION_CALLER = "+14157234000"
"""The number Twilio calls from. Source: docs/fidelity.md, validation call [observed]."""
API_VERSION = "2010-04-01"
FORM_CONTENT_TYPE = "application/x-www-form-urlencoded; charset=utf-8"
USER_AGENT = "TwilioProxy/1.1"
REDIRECT_STATUSES = frozenset({301, 302, 303, 307})
HTTP_TEMPORARY_REDIRECT = 307
MAX_LOCATION_CHARACTERS = 8_192
"""A longer Location is not followed, as the journal keeps every request. Source: docs/fidelity.md, StatusCallback
redirects [assumed]."""
MAX_REDIRECTS = 10
"""Source: docs/fidelity.md, StatusCallback redirects [documented]."""

PARTIES = ("From", "Caller", "To", "Called")
"""Whose places a StatusCallback tells, in this order."""
BEFORE_THE_PLACES = "SequenceNumber"


class CallbackStatus(StrEnum):
    """What became of a StatusCallback."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class StatusCallback:
    """One request owed to a client's server; `auth_token` is its account's, to sign with.

    Of the `attempts` made, the `earlier_attempts` belong to deliveries that have ended. `may_meet_fault` where its
    account has any; `fault` is what its present delivery met already.
    """

    call_sid: CallSid
    account_sid: AccountSid
    auth_token: str
    url: str
    method: str
    parameters: Parameters
    idempotency_token: str
    attempts: int
    earlier_attempts: int = 0
    may_meet_fault: bool = False
    fault: Effect | None = None


class UnreadableCallback(NamedTuple):
    """A due StatusCallback whose row cannot be read, and why; `callback` has of it what can be read."""

    callback: StatusCallback
    reason: str


class DeliveryPartition(NamedTuple):
    """An account's way to one receiver (host and port): what is held up in one lane holds up no other."""

    account_sid: AccountSid
    receiver: str


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A StatusCallback request ready to be sent: where to, and every header and byte of it."""

    method: str
    url: HttpUrl
    headers: Parameters
    body: bytes


@dataclass(frozen=True, slots=True)
class CallbackAttempt:
    """One attempt to deliver a StatusCallback: its requests, and the outcome.

    `method`, `url` and `headers` are the last request's. `status_code` is None and `error` says why when no answer
    came; `answer` is the start of its body. `hops` are all requests in order; none where nothing was tried, and in a
    journal written by ringback 0.1.0, which kept the last request only.
    """

    number: int
    at: Timestamp
    method: str
    url: str
    headers: Parameters
    status_code: int | None
    answer: str
    elapsed_ms: float
    error: str | None
    hops: tuple[CallbackHop, ...] = ()


@dataclass(frozen=True, slots=True)
class CallbackSummary:
    """The state of a call's StatusCallback at a glance.

    `attempts` counts all deliveries' attempts; `status_code`, `error` and `redirects` (how many were followed) are the
    last one's. `fault` is what the last delivery met. `is_signature_valid` is None where the last attempt sent nothing.
    """

    status: CallbackStatus
    attempts: int
    status_code: int | None
    error: str | None
    fault: Effect | None
    is_signature_valid: bool | None
    redirects: int


def status_callback_parameters(call: ValidationCall) -> Parameters:
    """Return what the StatusCallback of an ended call tells, in Twilio's order, but for the places of its numbers.

    Those take long to look up: `with_geography` adds them where nobody waits for it.
    Source: docs/fidelity.md, StatusCallback parameters [page, observed].
    """
    parameters = [
        ("CallSid", call.sid),
        ("AccountSid", call.account_sid),
        ("From", VALIDATION_CALLER),
        ("To", call.phone_number),
        ("Caller", VALIDATION_CALLER),
        ("Called", call.phone_number),
        ("CallStatus", call.call_status),
        ("ApiVersion", API_VERSION),
        ("Direction", "outbound-api"),
        ("CallDuration", str(call.answered_seconds)),
        ("Duration", str(_minutes_rounded_up(call.answered_seconds))),
        ("Timestamp", rfc_2822(call.ended_at or call.date_created)),
        ("CallbackSource", "call-progress-events"),
        (BEFORE_THE_PLACES, "0"),
        ("VerificationStatus", call.verification_status or ""),
    ]
    if call.outgoing_caller_id_sid:
        parameters.append(("OutgoingCallerIdSid", call.outgoing_caller_id_sid))
    return tuple((name, str(value)) for name, value in parameters)


def _minutes_rounded_up(seconds: int) -> int:
    return math.ceil(seconds / 60)


def with_geography(parameters: Parameters) -> Parameters:
    """Return `parameters` with the homes of their numbers behind the sequence number; those told already stay.

    The first look-up of a country reads files, some milliseconds long. Source: docs/fidelity.md, StatusCallback
    parameters [observed].
    """
    told = dict(parameters)
    if f"{PARTIES[0]}Country" in told:
        return parameters
    places = tuple(place for party in PARTIES for place in _place(party, told[party]))
    behind = list(told).index(BEFORE_THE_PLACES) + 1
    return parameters[:behind] + places + parameters[behind:]


def _place(party: str, number: str) -> Parameters:
    place = geography(number)
    return (
        (f"{party}City", place.city),
        (f"{party}State", place.state),
        (f"{party}Zip", place.zip),
        (f"{party}Country", place.country),
    )


def signature(auth_token: str, url: str, form: Sequence[tuple[str, str]] = ()) -> str:
    """Return the X-Twilio-Signature: base64 of HMAC-SHA1 over the URL and each form parameter by sorted name.

    Source: docs/fidelity.md, StatusCallback signature [documented].
    """
    signed = url + "".join(name + value for name, value in sorted(form))
    digest = hmac.new(auth_token.encode(), signed.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def sign_request(callback: StatusCallback, target: HttpUrl, method: str) -> SignedRequest:
    """Return `callback` as a signed request to `target`: its own URL with parameters, or a redirect's.

    The signature covers the URL exactly as it is asked for: without fragment and user info, with its port.
    """
    form = callback.parameters if method == "POST" else ()
    headers = [
        ("Host", target.host_header),
        ("User-Agent", USER_AGENT),
        ("Accept", "*/*"),
        ("X-Twilio-Signature", signature(callback.auth_token, target.signed, form)),
        ("I-Twilio-Idempotency-Token", callback.idempotency_token),
        ("X-Home-Region", "us1"),
    ]
    if target.authorization:
        headers.append(("Authorization", target.authorization))
    body = urlencode(form).encode() if method == "POST" else b""
    if method == "POST":
        headers += [("Content-Type", FORM_CONTENT_TYPE), ("Content-Length", str(len(body)))]
    return SignedRequest(method, target, tuple(headers), body)


def first_request(callback: StatusCallback) -> SignedRequest:
    """Return the request that opens a delivery: a form by POST, or the parameters behind the URL's own query by GET."""
    url = parse_url(callback.url)
    if callback.method == "GET":
        url = url.with_parameters(callback.parameters)
    return sign_request(callback, url, callback.method)


def redirected_request(callback: StatusCallback, sent: SignedRequest, location: str, status: int) -> SignedRequest:
    """Return the request that follows a redirect to `location`, signed anew.

    307 keeps method and parameters; after 301, 302 and 303 the location is asked for by GET, as it stands.
    Raises ValueError where `location` is too long, or no http(s) URL.
    Source: docs/fidelity.md, StatusCallback redirects [assumed].
    """
    if len(location) > MAX_LOCATION_CHARACTERS:
        raise ValueError(f"it has more than {MAX_LOCATION_CHARACTERS} characters")
    method = sent.method if status == HTTP_TEMPORARY_REDIRECT else "GET"
    return sign_request(callback, sent.url.joined(location), method)

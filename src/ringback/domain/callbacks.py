"""StatusCallbacks: their parameters, signed requests, redirects, attempts and summaries."""

import base64
import hashlib
import hmac
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import urlencode

from ringback.domain.callback_hops import CallbackHop, ParameterPairs
from ringback.domain.calls import ValidationCall
from ringback.domain.faults import Effect
from ringback.domain.geography import geography
from ringback.domain.sids import AccountSid, CallSid
from ringback.domain.timestamps import Timestamp, rfc_2822
from ringback.domain.urls import HttpUrl, parse_url

VALIDATION_CALLER = "+14157234000"
"""The number that Twilio calls from. Source: docs/fidelity.md, validation call [observed]."""
API_VERSION = "2010-04-01"
FORM_CONTENT_TYPE = "application/x-www-form-urlencoded; charset=utf-8"
USER_AGENT = "TwilioProxy/1.1"
REDIRECT_STATUSES = frozenset({301, 302, 303, 307})
HTTP_TEMPORARY_REDIRECT = 307
MAX_LOCATION_CHARACTERS = 8_192
"""Limit on the Location of a redirect, because the journal stores every request. Source: docs/fidelity.md,
StatusCallback redirects [assumed]."""
MAX_REDIRECTS = 10
"""Source: docs/fidelity.md, StatusCallback redirects [documented]."""

PARTIES = ("From", "Caller", "To", "Called")
"""The numbers whose geography a StatusCallback contains, in this order."""
GEOGRAPHY_FOLLOWS = "SequenceNumber"


class CallbackStatus(StrEnum):
    """The status of a StatusCallback."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class StatusCallback:
    """A StatusCallback of an ended call. It is signed with `auth_token`, the account's unless a fault replaces it.

    `attempts` counts all attempts, `earlier_attempts` those of deliveries that have ended. `fault` is the effect of the
    fault that the current delivery has triggered.
    """

    call_sid: CallSid
    account_sid: AccountSid
    auth_token: str
    url: str
    method: str
    parameters: ParameterPairs
    idempotency_token: str
    attempts: int
    earlier_attempts: int = 0
    account_has_faults: bool = False
    fault: Effect | None = None


class UnreadableCallback(NamedTuple):
    """A due StatusCallback whose row cannot be read, and the reason. `callback` contains the readable fields."""

    callback: StatusCallback
    reason: str


class DeliveryPartition(NamedTuple):
    """One account's callbacks to one receiver (host and port).

    Partitions are delivered independently, so that a slow receiver does not cause head-of-line blocking.
    """

    account_sid: AccountSid
    receiver: str


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A StatusCallback's request, ready to be sent."""

    method: str
    url: HttpUrl
    headers: ParameterPairs
    body: bytes


@dataclass(frozen=True, slots=True)
class CallbackAttempt:
    """One attempt to deliver a StatusCallback: its requests, and the outcome.

    `method`, `url` and `headers` are those of the last request, `answer` is the start of the last response's body.
    Without a response `status_code` is None and `error` gives the reason. `hops` are all requests in order. They are
    empty if nothing was sent, and in journals of ringback 0.1.0, which stored the last request only.
    """

    number: int
    at: Timestamp
    method: str
    url: str
    headers: ParameterPairs
    status_code: int | None
    answer: str
    elapsed_ms: float
    error: str | None
    hops: tuple[CallbackHop, ...] = ()


@dataclass(frozen=True, slots=True)
class CallbackSummary:
    """A summary of a call's StatusCallback.

    `attempts` counts the attempts of all deliveries. `status_code`, `error` and `redirects`, the number of redirects
    that were followed, are those of the last attempt; `fault` is that of the last delivery. `is_signature_valid` is
    None if the last attempt sent nothing.
    """

    status: CallbackStatus
    attempts: int
    status_code: int | None
    error: str | None
    fault: Effect | None
    is_signature_valid: bool | None
    redirects: int


def status_callback_parameters(call: ValidationCall) -> ParameterPairs:
    """Return the parameters of an ended call's StatusCallback in Twilio's order, without the geography of its numbers.

    `with_geography` adds that later, because the lookup may read files.
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
        (GEOGRAPHY_FOLLOWS, "0"),
        ("VerificationStatus", call.verification_status or ""),
    ]
    if call.outgoing_caller_id_sid:
        parameters.append(("OutgoingCallerIdSid", call.outgoing_caller_id_sid))
    return tuple((name, str(value)) for name, value in parameters)


def _minutes_rounded_up(seconds: int) -> int:
    return math.ceil(seconds / 60)


def with_geography(parameters: ParameterPairs) -> ParameterPairs:
    """Return `parameters` with the geography of their numbers after the sequence number, unless they contain it.

    The first lookup in an area reads files, which takes milliseconds. Source: docs/fidelity.md, StatusCallback
    parameters [observed].
    """
    values = dict(parameters)
    if f"{PARTIES[0]}Country" in values:
        return parameters
    added = tuple(parameter for party in PARTIES for parameter in _geography_parameters(party, values[party]))
    position = list(values).index(GEOGRAPHY_FOLLOWS) + 1
    return parameters[:position] + added + parameters[position:]


def _geography_parameters(party: str, number: str) -> ParameterPairs:
    area = geography(number)
    return (
        (f"{party}City", area.city),
        (f"{party}State", area.state),
        (f"{party}Zip", area.zip),
        (f"{party}Country", area.country),
    )


def signature(auth_token: str, url: str, form: Sequence[tuple[str, str]] = ()) -> str:
    """Return the X-Twilio-Signature: base64 of HMAC-SHA1 over the URL and the form parameters, sorted by name.

    Source: docs/fidelity.md, StatusCallback signature [documented].
    """
    signed = url + "".join(name + value for name, value in sorted(form))
    digest = hmac.new(auth_token.encode(), signed.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def sign_request(callback: StatusCallback, target: HttpUrl, method: str) -> SignedRequest:
    """Return the signed request for `callback` to `target`: its own URL with parameters, or a redirect's.

    The signature covers the URL exactly as requested: with its port, without fragment and user info.
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
    """Return the first request of an attempt: a form by POST, or the parameters after the URL's own query by GET."""
    url = parse_url(callback.url)
    if callback.method == "GET":
        url = url.with_parameters(callback.parameters)
    return sign_request(callback, url, callback.method)


def redirected_request(callback: StatusCallback, sent: SignedRequest, location: str, status: int) -> SignedRequest:
    """Return the request that follows a redirect to `location`, with its own signature.

    307 keeps method and parameters. After 301, 302 and 303 the location is requested by GET, without parameters added.
    Raises ValueError if `location` is too long or not an http(s) URL.
    Source: docs/fidelity.md, StatusCallback redirects [assumed].
    """
    if len(location) > MAX_LOCATION_CHARACTERS:
        raise ValueError(f"it has more than {MAX_LOCATION_CHARACTERS} characters")
    method = sent.method if status == HTTP_TEMPORARY_REDIRECT else "GET"
    return sign_request(callback, sent.url.joined(location), method)

"""StatusCallbacks: their parameters, signed requests, redirects, attempts and summaries."""

import base64
import hmac
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import urlencode

from ringback.domain.callback_hops import CallbackHop, ParameterPairs
from ringback.domain.calls import CallStatus, ValidationCall
from ringback.domain.fault_effects import AlterSignature, Effect, SignatureFlaw
from ringback.domain.geography import geography
from ringback.domain.phones import PhoneBehavior
from ringback.domain.policies import SignedPort
from ringback.domain.sids import AccountSid, CallSid
from ringback.domain.timestamps import Timestamp, rfc_2822
from ringback.domain.urls import HttpUrl, parse_url
from ringback.domain.webhook_signing import SETTINGS_HEADER, SignatureAlgorithm, WebhookSigning

VALIDATION_CALLER = "+14157234000"
"""The number that Twilio calls from. Source: docs/fidelity.md, validation call [observed]."""
API_VERSION = "2010-04-01"
FORM_CONTENT_TYPE = "application/x-www-form-urlencoded; charset=utf-8"
USER_AGENT = "TwilioProxy/1.1"
REDIRECT_STATUSES = frozenset({301, 302, 303, 307})
HTTP_TEMPORARY_REDIRECT = 307
MAX_LOCATION_CHARACTERS = 8_192
"""Maximum length of a redirect's Location header. It is limited because the journal stores every request. Source:
docs/fidelity.md, StatusCallback redirects [assumed]."""
MAX_REDIRECTS = 10
"""Maximum number of redirects in an attempt. Source: docs/fidelity.md, StatusCallback redirects [documented]."""

PARTIES = ("From", "Caller", "To", "Called")
"""The parameters that contain phone numbers. A StatusCallback also contains the geography of these numbers."""
STORED_PARAMETERS = frozenset({*PARTIES, "SequenceNumber"})
"""Parameters that every stored StatusCallback has, including those stored by ringback 0.1.0."""
SIP_RESPONSE_CODES = {
    CallStatus.COMPLETED: "200",
    CallStatus.BUSY: "486",
    CallStatus.NO_ANSWER: "487",
    CallStatus.FAILED: "404",
    CallStatus.CANCELED: "487",
}
"""The SIP status codes of calls, by final call status. Source: docs/fidelity.md, StatusCallback parameters."""
GEO_BLOCKED_SIP_RESPONSE_CODE = "403"  # docs/fidelity.md, StatusCallback parameters [observed]
PARAMETER_ORDER = (
    *("Called", "ToState", "CallerCountry", "Direction", "Timestamp", "CallbackSource", "SipResponseCode"),
    *("CallerState", "ToZip", "SequenceNumber", "CallSid", "To", "CallerZip", "ToCountry", "CalledZip", "ApiVersion"),
    *("CalledCity", "CallStatus", "Duration", "From", "CallDuration", "AccountSid", "CalledCountry", "CallerCity"),
    *("ToCity", "FromCountry", "Caller", "FromCity", "CalledState", "FromZip", "FromState"),
    *("VerificationStatus", "OutgoingCallerIdSid"),
)
"""All parameters of a StatusCallback in the order in which they are sent. Source: docs/fidelity.md, StatusCallback
parameters [assumed]."""
_POSITIONS = {name: position for position, name in enumerate(PARAMETER_ORDER)}


class CallbackStatus(StrEnum):
    """The status of a StatusCallback."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class StatusCallback:
    """A StatusCallback of an ended call.

    It is signed with `auth_token`, or with the shared key in `webhook_signing`. Both belong to the account, unless a
    fault replaces them. `signed_port` is from the account's policy; None means the value of the settings. `attempts`
    counts all attempts, and `earlier_attempts` only the attempts of previous deliveries. `fault` is the effect of the
    fault that the current delivery triggered.
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
    signed_port: SignedPort | None = None
    webhook_signing: WebhookSigning | None = None
    secondary_auth_token: str | None = None

    def signed_url(self, target: HttpUrl) -> str:
        """Return the URL that the signature of a request to `target` covers.

        A policy can remove the port from https URLs, and a fault can remove it from all URLs.
        """
        is_dropped = self.signed_port == SignedPort.DROPPED and target.scheme == "https"
        is_removed = self.fault == AlterSignature(SignatureFlaw.WITHOUT_PORT)
        return target.signed_without_port if is_dropped or is_removed else target.signed


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
    """A signed request for a StatusCallback, ready to be sent."""

    method: str
    url: HttpUrl
    headers: ParameterPairs
    body: bytes


@dataclass(frozen=True, slots=True)
class CallbackAttempt:
    """One attempt to deliver a StatusCallback: its requests, and the outcome.

    `method`, `url` and `headers` describe the last request, and `answer` is the start of the last response's body. If
    there was no response, `status_code` is None and `error` gives the reason. `hops` contains all requests in order. It
    is empty if nothing was sent, and in journals of ringback 0.1.0, which stored only the last request.
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

    `attempts` counts the attempts of all deliveries. `status_code`, `error` and `redirects` (the number of redirects
    followed) describe the last attempt, and `fault` describes the last delivery. `is_signature_valid` is None if the
    last attempt sent nothing.
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

    `with_geography` adds the geography later, because the lookup may read files. Source: docs/fidelity.md,
    StatusCallback parameters [page, observed].
    """
    values = {
        "Called": call.phone_number,
        "Direction": "outbound-api",
        "Timestamp": rfc_2822(call.ended_at or call.date_created),
        "CallbackSource": "call-progress-events",
        "SipResponseCode": _sip_response_code(call),
        "SequenceNumber": "0",
        "CallSid": call.sid,
        "To": call.phone_number,
        "ApiVersion": API_VERSION,
        "CallStatus": call.call_status,
        "Duration": _minutes_rounded_up(call.answered_seconds),
        "From": VALIDATION_CALLER,
        "CallDuration": call.answered_seconds,
        "AccountSid": call.account_sid,
        "Caller": VALIDATION_CALLER,
        "VerificationStatus": call.verification_status or "",
    }
    if call.outgoing_caller_id_sid:
        values["OutgoingCallerIdSid"] = call.outgoing_caller_id_sid
    return tuple((name, str(value)) for name, value in values.items())


def _sip_response_code(call: ValidationCall) -> str:
    if call.phone and call.phone.behavior == PhoneBehavior.GEO_BLOCKED:
        return GEO_BLOCKED_SIP_RESPONSE_CODE
    return SIP_RESPONSE_CODES.get(call.call_status, "")


def _minutes_rounded_up(seconds: int) -> int:
    return math.ceil(seconds / 60)


def with_geography(parameters: ParameterPairs) -> ParameterPairs:
    """Return `parameters` in the order of `PARAMETER_ORDER`. Add the geography of the numbers if it is missing.

    The first lookup in an area reads files, which takes milliseconds. Source: docs/fidelity.md, StatusCallback
    parameters [observed].
    """
    values = dict(parameters)
    if f"{PARTIES[0]}Country" in values:
        return parameters
    added = tuple(parameter for party in PARTIES for parameter in _geography_parameters(party, values[party]))
    return tuple(sorted(parameters + added, key=lambda parameter: _POSITIONS.get(parameter[0], len(_POSITIONS))))


def _geography_parameters(party: str, number: str) -> ParameterPairs:
    area = geography(number)
    return (
        (f"{party}City", area.city),
        (f"{party}State", area.state),
        (f"{party}Zip", area.zip),
        (f"{party}Country", area.country),
    )


def signature(
    key: str,
    url: str,
    form: Sequence[tuple[str, str]] = (),
    algorithm: SignatureAlgorithm = SignatureAlgorithm.HMAC_SHA1,
) -> str:
    """Return the X-Twilio-Signature: base64 of the HMAC over the URL and the form parameters, sorted by name.

    `key` is an auth token, or the secret of a shared key.
    Source: docs/fidelity.md, StatusCallback signature [documented].
    """
    signed = url + "".join(name + value for name, value in sorted(form))
    digest = hmac.new(key.encode(), signed.encode(), algorithm.digest).digest()
    return base64.b64encode(digest).decode()


def sign_request(callback: StatusCallback, target: HttpUrl, method: str) -> SignedRequest:
    """Return the signed request that sends `callback` to `target`, the callback's URL or the URL of a redirect.

    The signature covers the requested URL, without its fragment or user info. It also covers the port, unless the
    policy or a fault removes it.
    """
    form = callback.parameters if method == "POST" else ()
    headers = [
        ("Host", target.host_header),
        ("User-Agent", USER_AGENT),
        ("Accept", "*/*"),
        *_signature_headers(callback, callback.signed_url(target), form),
        ("I-Twilio-Idempotency-Token", callback.idempotency_token),
        ("X-Home-Region", "us1"),
    ]
    if target.authorization:
        headers.append(("Authorization", target.authorization))
    body = urlencode(form).encode() if method == "POST" else b""
    if method == "POST":
        headers += [("Content-Type", FORM_CONTENT_TYPE), ("Content-Length", str(len(body)))]
    return SignedRequest(method, target, tuple(headers), body)


def _signature_headers(callback: StatusCallback, url: str, form: ParameterPairs) -> ParameterPairs:
    signing = callback.webhook_signing
    if signing is None:
        return (("X-Twilio-Signature", signature(callback.auth_token, url, form)),)
    return (
        ("X-Twilio-Signature", signature(signing.secret, url, form, signing.algorithm)),
        (SETTINGS_HEADER, signing.settings),
    )


def first_request(callback: StatusCallback) -> SignedRequest:
    """Return the first request of an attempt: a POST with a form, or a GET with the parameters in its query."""
    url = parse_url(callback.url)
    if callback.method == "GET":
        url = url.with_parameters(callback.parameters)
    return sign_request(callback, url, callback.method)


def redirected_request(callback: StatusCallback, sent: SignedRequest, location: str, status: int) -> SignedRequest:
    """Return the request that follows a redirect to `location`. It is signed for the new URL.

    307 preserves the method and parameters. After 301, 302 and 303, the location is requested by GET, and no parameters
    are added. Raises ValueError if `location` is too long or not an http(s) URL. Source: docs/fidelity.md,
    StatusCallback redirects [assumed].
    """
    if len(location) > MAX_LOCATION_CHARACTERS:
        raise ValueError(f"it has more than {MAX_LOCATION_CHARACTERS} characters")
    method = sent.method if status == HTTP_TEMPORARY_REDIRECT else "GET"
    return sign_request(callback, sent.url.joined(location), method)

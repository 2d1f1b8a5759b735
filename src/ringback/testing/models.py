"""Values that the control API returns. All are immutable."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Behavior = Literal[
    "enter-code",
    "enter-wrong-code",
    "mistype-once",
    "enter-nothing",
    "hang-up",
    "busy",
    "no-answer",
    "unreachable",
    "geo-blocked",
    "manual",
]

KeyType = Literal["standard", "main", "restricted"]


class Model(BaseModel):
    """Base class of all values. It keeps unknown fields, which newer servers may send."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Event(Model):
    """Something that happened in an account."""

    id: int
    at: datetime
    type: str
    call_sid: str | None
    data: dict[str, Any]


class TimelineEntry(Model):
    """One event in the timeline of a call."""

    at: datetime
    event: str
    detail: str


class PhoneSetting(Model):
    """Behavior of a simulated phone."""

    behavior: str
    ring_seconds: float | None = None
    key_seconds: float | None = None
    extension: str | None = None


class PhoneState(PhoneSetting):
    """The phone that the next call reaches. `source` names what determines its behavior.

    `script` has one entry for each of the next calls.
    """

    phone_number: str
    source: str
    script: tuple[PhoneSetting, ...]


class ClockState(Model):
    """State of an account's clock. `mode` is `running` or `frozen`."""

    mode: str
    now: datetime
    next_event_at: datetime | None = None


class EffectivePolicy(Model):
    """The limits that apply to an account; None means no limit. `overrides` names those set for the account."""

    account_type: str
    calls_per_number_and_week: int | None
    code_lifetime_seconds: float | None
    code_attempts: int
    long_friendly_name: str
    second_request: str
    callback_signed_port: str
    overrides: tuple[str, ...]


class CallerId(Model):
    """A caller ID (verified number)."""

    sid: str
    account_sid: str
    phone_number: str
    friendly_name: str
    date_created: datetime
    date_updated: datetime


class IncomingPhoneNumber(Model):
    """A number that the account owns at Twilio."""

    sid: str
    account_sid: str
    phone_number: str
    friendly_name: str
    date_created: datetime
    date_updated: datetime


class ReceiverResponse(Model):
    """The HTTP response of a callback's receiver. `body` is the start of the body."""

    status_code: int
    body: str


class SignatureVerdict(Model):
    """The verdict on a request's X-Twilio-Signature.

    An invalid signature may be valid for another URL, `matching_url`; `difference` describes how that request differs.
    """

    is_valid: bool
    explanation: str
    signed_url: str
    matching_url: str | None
    difference: str | None


class CallbackHop(Model):
    """One request of an attempt: the StatusCallback itself, or the request after a redirect.

    `parameters` are those in this request. If there was no response, `status_code` is None and `error` is the reason.
    `location` is the Location header of a 3xx response. If no connection was made, `is_sent` is False and `signature`
    is None. `mapped_to` is the target of the request's host in `callback_host_map`.
    """

    method: str
    url: str
    headers: dict[str, str]
    parameters: dict[str, str]
    is_sent: bool
    status_code: int | None
    location: str | None
    elapsed_ms: float
    error: str | None
    signature: SignatureVerdict | None = None
    mapped_to: str | None = None


class CallbackAttempt(Model):
    """One attempt to deliver a StatusCallback. `answer` is the response, None if there was none; `error` is the reason.

    `hops` are all requests of the attempt. After redirects there are several: `method`, `url`, `headers`, `parameters`,
    `answer` and `signature` describe the last request. `hint` says what to do if a redirect lost the parameters.
    `signature` is None if no receiver was reached. `mapped_to` is the last request's target in `callback_host_map`.
    """

    number: int
    at: datetime
    method: str
    url: str
    headers: dict[str, str]
    parameters: dict[str, str]
    answer: ReceiverResponse | None
    elapsed_ms: float
    error: str | None
    hint: str | None = None
    hops: tuple[CallbackHop, ...] = ()
    signature: SignatureVerdict | None = None
    mapped_to: str | None = None


class CallbackSummary(Model):
    """Summary of a call's StatusCallback: the number of `attempts`, and the result of the last one.

    `status` is None until the call has ended, then pending, delivered or failed. `is_signature_valid` is None if
    nothing was sent.
    """

    status: str | None
    attempts: int
    status_code: int | None
    error: str | None
    fault: str | None
    is_signature_valid: bool | None
    redirects: int


class Fault(Model):
    """An injected fault. It matched `trials` requests or callbacks, and was triggered for `triggered` of them."""

    id: int
    operation: str
    effect: dict[str, Any]
    times_left: int | None
    probability: float | None
    trials: int
    triggered: int
    date_created: datetime


class InboxSummary(Model):
    """An inbox: the number of its `messages`, and when the newest arrived, by the account's clock."""

    name: str
    messages: int
    newest_at: datetime


class InboxMessage(Model):
    """A request that an inbox received. Header names are in lowercase."""

    id: int
    at: datetime
    method: str
    url: str
    headers: dict[str, str]
    pairs: tuple[tuple[str, str], ...] = Field(alias="parameters")
    body: str
    signature: SignatureVerdict

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters by name. `pairs` has all of them, in order."""
        return dict(self.pairs)


class JournaledRequest(Model):
    """A request to the Twilio API, and its response.

    `operation` is None if the request reached no operation; `status` is None if the connection closed before the
    response.
    """

    id: int
    at: datetime
    request_id: str
    method: str
    path: str
    operation: str | None
    username: str | None
    parameters: dict[str, str]
    status: int | None
    error_code: int | None
    elapsed_ms: float
    fault: str | None


class ApiKey(Model):
    """An API key: `sid` and `secret` are the user name and password of requests for an account.

    `type` is `standard`, `main` or `restricted`. Only a restricted key has `permissions`.
    """

    sid: str
    secret: str
    account_sid: str
    type: str
    permissions: tuple[str, ...]
    date_created: datetime


class OAuthApp(Model):
    """An OAuth app: its `client_id` and `client_secret` are exchanged for access tokens."""

    client_id: str
    client_secret: str
    account_sid: str
    scopes: tuple[str, ...]
    lifetime_seconds: int
    date_created: datetime


class CallData(Model):
    """The properties of a validation call."""

    sid: str
    account_sid: str
    phone_number: str
    friendly_name: str | None
    validation_code: str
    status: str
    state: str
    verification_status: str | None
    outgoing_caller_id_sid: str | None
    attempts_left: int
    extension: str | None
    call_delay_seconds: int
    status_callback: str | None
    status_callback_method: str
    callback: CallbackSummary | None = None
    phone: PhoneSetting | None
    date_created: datetime
    code_expires_at: datetime | None
    ringing_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    timeline: tuple[TimelineEntry, ...]

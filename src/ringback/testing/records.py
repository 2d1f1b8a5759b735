"""What the control API shows, as frozen values."""

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
    "manual",
]


class Record(BaseModel):
    """A frozen value; fields that only a newer server has are kept under their names."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Event(Record):
    """One thing that happened in an account."""

    id: int
    at: datetime
    type: str
    call_sid: str | None
    data: dict[str, Any]


class TimelineEntry(Record):
    """One thing that happened to a call."""

    at: datetime
    event: str
    detail: str


class PhoneSetting(Record):
    """How a phone behaves, or behaved when a call met it."""

    behavior: str
    ring_seconds: float | None = None
    key_seconds: float | None = None
    extension: str | None = None


class PhoneAtNumber(PhoneSetting):
    """What the next call to a number meets: `source` is what makes it so, `script` what the calls after it meet."""

    phone_number: str
    source: str
    script: tuple[PhoneSetting, ...]


class ClockReading(Record):
    """What an account's clock shows, and whether time passes by itself: `running` or `frozen`."""

    mode: str
    now: datetime
    next_event_at: datetime | None = None


class PolicyReading(Record):
    """What an account allows, None being no limit; `own` names what is not as the server's settings have it."""

    account_type: str
    calls_per_number_and_week: int | None
    code_lifetime_seconds: float | None
    code_attempts: int
    overrides: tuple[str, ...]


class CallerId(Record):
    """A verified number."""

    sid: str
    account_sid: str
    phone_number: str
    friendly_name: str
    date_created: datetime
    date_updated: datetime


class CallbackAnswer(Record):
    """What a receiver answered; `body` is its begin."""

    status_code: int
    body: str


class SignatureVerdict(Record):
    """The verdict on a request's X-Twilio-Signature.

    A wrong one may be right for another URL, `matching_url`: `difference` is how that differs from what came.
    """

    is_valid: bool
    explanation: str
    signed_url: str
    matching_url: str | None
    difference: str | None


class CallbackHop(Record):
    """One request of an attempt: the StatusCallback itself, or what followed a redirect.

    `parameters` are those in this request. `status_code` is None when no answer came, and `error` says why; `location`
    is where the answer redirected to. `is_sent` is False where no connection was made: then nothing was sent, and
    `signature` is None.
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


class CallbackAttempt(Record):
    """One attempt to deliver a StatusCallback; `answer` is None when none came, and `error` says why it failed.

    `hops` are all of its requests. After redirects there are several: `method`, `url`, `headers`, `parameters`,
    `answer` and `signature` are those of the last one, and `hint` says if a redirect cost the parameters. `signature`
    is None where no receiver was reached.
    """

    number: int
    at: datetime
    method: str
    url: str
    headers: dict[str, str]
    parameters: dict[str, str]
    answer: CallbackAnswer | None
    elapsed_ms: float
    error: str | None
    hint: str | None = None
    hops: tuple[CallbackHop, ...] = ()
    signature: SignatureVerdict | None = None


class CallbackSummary(Record):
    """The state of a call's StatusCallback at a glance: `attempts` were made, the rest tells of the last one.

    `status` is None until the call has ended, then pending, delivered or failed. `is_signature_valid` is None where
    nothing was sent.
    """

    status: str | None
    attempts: int
    status_code: int | None
    error: str | None
    fault: str | None
    is_signature_valid: bool | None
    redirects: int


class Fault(Record):
    """An injected fault: it had `trials` trials, and `triggered` of them triggered it."""

    id: int
    operation: str
    effect: dict[str, Any]
    times_left: int | None
    probability: float | None
    trials: int
    triggered: int
    date_created: datetime


class InboxSummary(Record):
    """An inbox that has messages: how many, and when the newest came, by the account's clock."""

    name: str
    messages: int
    newest_at: datetime


class InboxMessage(Record):
    """A request that came to an inbox; the names of its headers are in lower case."""

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
        """The parameters by name; `pairs` has them as they came, in order."""
        return dict(self.pairs)


class LoggedRequest(Record):
    """A request to the Twilio surface, and how it was answered.

    `operation` is None where none was reached, `status` where the connection ended before the answer.
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


class ApiKey(Record):
    """User name (`sid`) and password (`secret`) of requests for an account."""

    sid: str
    secret: str
    account_sid: str
    date_created: datetime


class CallReading(Record):
    """A call as it was when it was read."""

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

"""The journal of a call's StatusCallback, and sending it again."""

import asyncio
from http import HTTPStatus

from fastapi import APIRouter
from pydantic import Field

from ringback.control_api.dependencies import CallOfPath, Services, no_such_call
from ringback.control_api.errors import CONFLICTS, conflict
from ringback.control_api.schemas import SignatureView, Time, View
from ringback.domain.callback_hops import CallbackHop, Parameters, redirect_hint
from ringback.domain.callbacks import CallbackAttempt, CallbackStatus, StatusCallback, with_geography
from ringback.domain.sent_signatures import Verifier, judge_of, last_request
from ringback.domain.signature_check import SignatureVerdict
from ringback.domain.timestamps import rfc_3339
from ringback.operations.callbacks import CallbackJournal, NotRedeliverable, callback_journal, redeliver_callback

router = APIRouter(tags=["Callbacks"])


class AnswerView(View):
    """What a receiver answered."""

    status_code: int
    body: str = Field(description="Its begin.")


class HopView(View):
    """One request of an attempt."""

    method: str
    url: str
    headers: dict[str, str]
    parameters: dict[str, str] = Field(
        description="The parameters in this request: those of the query by GET, of the form by POST."
    )
    is_sent: bool = Field(description="False where no connection was made, so that nothing was sent.")
    status_code: int | None = Field(description="Null when no answer came.")
    location: str | None = Field(description="The Location header of a 3xx answer.")
    elapsed_ms: float
    error: str | None = Field(description="Why no answer came.")
    signature: SignatureView | None = Field(
        description="Whether its signature is right, by the auth token that the account has now. Null for a request "
        "that was not sent."
    )


class AttemptView(View):
    """One attempt to deliver a StatusCallback. After redirects it has several requests, its `hops`.

    `method`, `url`, `headers`, `parameters` and `signature` are those of the last request.
    """

    number: int
    at: Time
    method: str
    url: str
    headers: dict[str, str]
    parameters: dict[str, str] = Field(
        description="The parameters in the last request: those of the query by GET, of the form by POST. A GET that "
        "follows a redirect has only those that the Location names."
    )
    answer: AnswerView | None = Field(description="The answer to the last request. Null when none came.")
    elapsed_ms: float
    error: str | None = Field(description="Why the attempt failed.")
    hint: str | None = Field(description="What to do about redirects that cost the parameters. Null without such.")
    hops: list[HopView] = Field(
        description="Every request of the attempt, in order: the StatusCallback, then one for each redirect that was "
        "followed. Empty where nothing was tried, and for attempts of ringback 0.1.0, which kept the last request only."
    )
    signature: SignatureView | None = Field(
        description="Whether it is right for `url` and what was posted there, by the auth token that the account has "
        "now; a receiver behind a proxy may see another URL. Null where no receiver was reached."
    )


class JournalView(View):
    """How a call's StatusCallback stands, and every attempt at it, the oldest first.

    `status` and `idempotency_token` are null while the call owes no StatusCallback. The token is also null for one that
    has failed because its row in the database cannot be read.
    """

    status: CallbackStatus | None
    idempotency_token: str | None
    callbacks: list[AttemptView]


@router.get("/accounts/{account_sid}/calls/{call_sid}/callbacks", summary="Read the journal of a StatusCallback")
async def fetch_callbacks(services: Services, call: CallOfPath) -> JournalView:
    """Show what was sent for a call, attempt by attempt, and what came back."""
    return await _view(await services.database.run(callback_journal, call.sid))


@router.post(
    "/accounts/{account_sid}/calls/{call_sid}/callbacks/redeliver",
    status_code=HTTPStatus.ACCEPTED,
    responses=CONFLICTS,
    summary="Send a StatusCallback again",
)
async def redeliver(services: Services, call: CallOfPath) -> JournalView:
    """Send a StatusCallback that was delivered or given up once more, with the same idempotency token.

    It is tried, and tried again, as the first time. The answer does not wait: an event tells what came of it.
    """
    try:
        journal = await services.database.run(redeliver_callback, call.sid, system_now=services.now())
    except NotRedeliverable as error:
        hint = "a StatusCallback can be sent again once it was delivered or given up; events tell when"
        raise conflict(f"call {call.sid} {error}", hint) from error
    if journal is None:
        raise no_such_call(call.account_sid, call.sid)
    services.wake()
    return await _view(journal)


async def _view(journal: CallbackJournal) -> JournalView:
    if journal.callback is None:
        return JournalView(
            status=journal.status,
            idempotency_token=None,
            callbacks=[_attempt(attempt, (), lambda _: None) for attempt in journal.attempts],
        )
    return JournalView(
        status=journal.status,
        idempotency_token=journal.callback.idempotency_token,
        # Looking up a home may read files, and judging what is wrong takes its time: beside the event loop.
        callbacks=await asyncio.to_thread(_attempts, journal.callback, journal.attempts),
    )


def _attempts(callback: StatusCallback, attempts: list[CallbackAttempt]) -> list[AttemptView]:
    parameters = with_geography(callback.parameters)
    judge = judge_of(callback.auth_token, parameters)
    return [_attempt(attempt, parameters, judge) for attempt in attempts]


def _attempt(attempt: CallbackAttempt, parameters: Parameters, judge: Verifier) -> AttemptView:
    answered = attempt.status_code is not None
    last = last_request(attempt)
    return AttemptView(
        number=attempt.number,
        at=rfc_3339(attempt.at),
        method=attempt.method,
        url=attempt.url,
        headers=dict(attempt.headers),
        parameters=dict(last.parameters(parameters)),
        answer=AnswerView(status_code=attempt.status_code, body=attempt.answer) if answered else None,
        elapsed_ms=attempt.elapsed_ms,
        error=attempt.error,
        hint=redirect_hint(attempt.hops, parameters),
        hops=[_hop(hop, parameters, judge) for hop in attempt.hops],
        signature=_signature(judge(last)),
    )


def _hop(hop: CallbackHop, parameters: Parameters, judge: Verifier) -> HopView:
    return HopView(
        method=hop.method,
        url=hop.url,
        headers=dict(hop.headers),
        parameters=dict(hop.parameters(parameters)),
        is_sent=hop.is_sent,
        status_code=hop.status_code,
        location=hop.location,
        elapsed_ms=hop.elapsed_ms,
        error=hop.error,
        signature=_signature(judge(hop)),
    )


def _signature(verdict: SignatureVerdict | None) -> SignatureView | None:
    return SignatureView.model_validate(verdict, from_attributes=True) if verdict else None

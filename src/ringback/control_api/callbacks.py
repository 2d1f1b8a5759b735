"""Callbacks: read the journal of a call's StatusCallback, and send the callback again."""

import asyncio
from http import HTTPStatus

from fastapi import APIRouter
from pydantic import Field

from ringback.control_api.dependencies import PathAccount, PathCall, Services, call_not_found
from ringback.control_api.errors import CONFLICT_RESPONSE, conflict
from ringback.control_api.schemas import DateTimeOut, ResponseModel, SignatureResponse
from ringback.domain.accounts import Account
from ringback.domain.callback_hops import CallbackHop, ParameterPairs, redirect_hint
from ringback.domain.callbacks import CallbackAttempt, CallbackStatus, StatusCallback, with_geography
from ringback.domain.policies import SignedPort
from ringback.domain.signature_check import SignatureVerdict, Verifier, last_request, make_verifier, own_tokens
from ringback.domain.timestamps import rfc_3339
from ringback.operations.callbacks import CallbackJournal, NotRedeliverable, callback_journal, redeliver_callback

router = APIRouter(tags=["Callbacks"])


class ReceiverResponse(ResponseModel):
    """The HTTP response of a callback's receiver."""

    status_code: int
    body: str = Field(description="The start of the body.")


class CallbackHopResponse(ResponseModel):
    """One request of an attempt."""

    method: str
    url: str
    mapped_to: str | None = Field(
        description="The target of the request's host in callback_host_map. Null if the host has no entry."
    )
    headers: dict[str, str]
    parameters: dict[str, str] = Field(
        description="The parameters of this request: from the query for GET, from the form for POST."
    )
    is_sent: bool = Field(description="False if no connection was made, so that nothing was sent.")
    status_code: int | None = Field(description="Null if there was no response.")
    location: str | None = Field(description="The Location header of a 3xx response.")
    elapsed_ms: float
    error: str | None = Field(description="Why there was no response.")
    signature: SignatureResponse | None = Field(
        description="Whether the request's signature was valid when it was sent. Null for a request that was not sent."
    )


class CallbackAttemptResponse(ResponseModel):
    """One attempt to deliver a StatusCallback.

    With redirects, an attempt consists of several requests, its `hops`. `method`, `url`, `headers`, `parameters` and
    `signature` describe the last request.
    """

    number: int
    at: DateTimeOut
    method: str
    url: str
    mapped_to: str | None = Field(
        description="The target of the last request's host in callback_host_map. Null if the host has no entry."
    )
    headers: dict[str, str]
    parameters: dict[str, str] = Field(
        description="The parameters of the last request: from the query for GET, from the form for POST. A GET after a "
        "redirect has only the parameters in the Location header."
    )
    answer: ReceiverResponse | None = Field(description="The response to the last request. Null if there was none.")
    elapsed_ms: float
    error: str | None = Field(description="Why the attempt failed.")
    hint: str | None = Field(description="Advice if a redirect lost the parameters. Null otherwise.")
    hops: list[CallbackHopResponse] = Field(
        description="All requests of the attempt, in order: the StatusCallback, then one for each redirect that was "
        "followed. Empty if nothing was sent, and for attempts by ringback 0.1.0, which stored only the last request."
    )
    signature: SignatureResponse | None = Field(
        description="Whether the signature was valid for `url` and the posted parameters when it was sent. A receiver "
        "behind a proxy may see a different URL. Null if no receiver was reached."
    )


class CallbackJournalResponse(ResponseModel):
    """The state of a call's StatusCallback, and all attempts to deliver it, oldest first.

    `status` and `idempotency_token` are null until the call has ended. The token is also null for a callback that
    failed because its database row cannot be read.
    """

    status: CallbackStatus | None
    idempotency_token: str | None
    callbacks: list[CallbackAttemptResponse]


@router.get("/accounts/{account_sid}/calls/{call_sid}/callbacks", summary="Read the journal of a StatusCallback")
async def fetch_callbacks(services: Services, account: PathAccount, call: PathCall) -> CallbackJournalResponse:
    """Return all attempts to deliver the call's StatusCallback: what was sent, and the responses."""
    signed_port = account.policy.merged_with(services.call_policy).callback_signed_port
    return await _journal_response(account, await services.database.run(callback_journal, call.sid), signed_port)


@router.post(
    "/accounts/{account_sid}/calls/{call_sid}/callbacks/redeliver",
    status_code=HTTPStatus.ACCEPTED,
    responses=CONFLICT_RESPONSE,
    summary="Send a StatusCallback again",
)
async def redeliver(services: Services, account: PathAccount, call: PathCall) -> CallbackJournalResponse:
    """Resend a StatusCallback that was delivered or has failed, with the same idempotency token.

    Failed attempts are retried as in the first delivery. The response does not wait for the delivery. An event reports
    the result.
    """
    try:
        journal = await services.database.run(redeliver_callback, call.sid, system_now=services.system_now())
    except NotRedeliverable as error:
        hint = "wait for the event callback.delivered or callback.failed, then send the StatusCallback again"
        raise conflict(f"call {call.sid} {error}", hint) from error
    if journal is None:
        raise call_not_found(call.account_sid, call.sid)
    services.wake()
    signed_port = account.policy.merged_with(services.call_policy).callback_signed_port
    return await _journal_response(account, journal, signed_port)


async def _journal_response(
    account: Account, journal: CallbackJournal, signed_port: SignedPort
) -> CallbackJournalResponse:
    if journal.callback is None:
        return CallbackJournalResponse(
            status=journal.status,
            idempotency_token=None,
            callbacks=[_attempt_response(attempt, (), lambda _: None) for attempt in journal.attempts],
        )
    return CallbackJournalResponse(
        status=journal.status,
        idempotency_token=journal.callback.idempotency_token,
        # In a thread: this may read the geography from files, and finding out why a signature is invalid is slow.
        callbacks=await asyncio.to_thread(_attempt_responses, account, journal.callback, journal.attempts, signed_port),
    )


def _attempt_responses(
    account: Account, callback: StatusCallback, attempts: list[CallbackAttempt], signed_port: SignedPort
) -> list[CallbackAttemptResponse]:
    parameters = with_geography(callback.parameters)
    tokens, shared_key = own_tokens(account), account.webhook_signing
    verify = make_verifier(callback.auth_token, parameters, tokens, signed_port, shared_key, callback.fault)
    return [_attempt_response(attempt, parameters, verify) for attempt in attempts]


def _attempt_response(
    attempt: CallbackAttempt, parameters: ParameterPairs, verify: Verifier
) -> CallbackAttemptResponse:
    has_response = attempt.status_code is not None
    last = last_request(attempt)
    return CallbackAttemptResponse(
        number=attempt.number,
        at=rfc_3339(attempt.at),
        method=attempt.method,
        url=attempt.url,
        mapped_to=last.mapped_to,
        headers=dict(attempt.headers),
        parameters=dict(last.parameters(parameters)),
        answer=ReceiverResponse(status_code=attempt.status_code, body=attempt.answer) if has_response else None,
        elapsed_ms=attempt.elapsed_ms,
        error=attempt.error,
        hint=redirect_hint(attempt.hops, parameters),
        hops=[_hop_response(hop, parameters, verify) for hop in attempt.hops],
        signature=_signature_response(verify(last)),
    )


def _hop_response(hop: CallbackHop, parameters: ParameterPairs, verify: Verifier) -> CallbackHopResponse:
    return CallbackHopResponse(
        method=hop.method,
        url=hop.url,
        mapped_to=hop.mapped_to,
        headers=dict(hop.headers),
        parameters=dict(hop.parameters(parameters)),
        is_sent=hop.is_sent,
        status_code=hop.status_code,
        location=hop.location,
        elapsed_ms=hop.elapsed_ms,
        error=hop.error,
        signature=_signature_response(verify(hop)),
    )


def _signature_response(verdict: SignatureVerdict | None) -> SignatureResponse | None:
    return SignatureResponse.model_validate(verdict, from_attributes=True) if verdict else None

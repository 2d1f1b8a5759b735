"""Faults: inject errors, delays and dropped connections into the Twilio API, and failures into StatusCallbacks."""

from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Response
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, JsonValue, Strict

from ringback.control_api.dependencies import PathAccount, Services, account_not_found
from ringback.control_api.errors import CONFLICT_RESPONSE, conflict, not_found, unprocessable
from ringback.control_api.large_responses import list_response
from ringback.control_api.schemas import DateTimeOut, RequestModel, ResponseModel, StrictNumber
from ringback.domain.fault_effects import (
    BODY_MAX_CHARACTERS,
    CONTENT_TYPE,
    DEFAULT_CONTENT_TYPE,
    FEWEST_COPIES,
    HIGHEST_CODE,
    HIGHEST_STATUS,
    LONGEST_DELAY_SECONDS,
    LOWEST_STATUS,
    MESSAGE_MAX_CHARACTERS,
    MOST_COPIES,
    InvalidFault,
    SignatureFlaw,
    effect_from_dict,
)
from ringback.domain.faults import MOST_TIMES, Fault, FaultTarget, NewFault
from ringback.domain.timestamps import rfc_3339
from ringback.operations import faults as operations

LARGEST_ID = 2**53
EXAMPLES: list[JsonValue] = [
    {"operation": "create-validation-request", "effect": {"status": 429}, "times": 2},
    {"operation": "*", "effect": {"drop": "after"}, "probability": 0.1},
    {"operation": "*", "effect": {"status": 200, "body": "<html>Maintenance</html>", "content_type": "text/html"}},
    {"operation": "status-callback", "effect": {"duplicate": 2, "at_once": True}},
]

router = APIRouter(tags=["Faults"])


def _check_printable(message: str) -> str:
    if not message.isprintable():
        raise ValueError("must contain only printable characters")
    return message


def _reject_number(drop: object) -> object:
    if drop == 1 and drop is not True:
        raise ValueError("input should be 'before', 'after' or True")
    return drop


class FaultEffectRequest(RequestModel):
    """Effect of a fault: exactly one of `status`, `delay_seconds`, `drop`, `duplicate` and `signature`."""

    status: Annotated[int, Field(ge=LOWEST_STATUS, le=HIGHEST_STATUS), StrictNumber] | None = Field(
        None,
        description="Respond with this status and Twilio's error body, or with `body`, and change nothing. A status "
        "below 400 requires a `body`.",
    )
    code: Annotated[int, Field(ge=1, le=HIGHEST_CODE), StrictNumber] | None = Field(
        None, description="With `status`: error code instead of Twilio's."
    )
    message: Annotated[str, AfterValidator(_check_printable)] | None = Field(
        None,
        min_length=1,
        max_length=MESSAGE_MAX_CHARACTERS,
        description="With `status`: error message instead of Twilio's.",
    )
    body: str | None = Field(
        None,
        max_length=BODY_MAX_CHARACTERS,
        description="With `status`: body instead of Twilio's error, such as the HTML page of a load balancer.",
    )
    content_type: str | None = Field(
        None,
        pattern=CONTENT_TYPE,
        description=f"With `body`: its Content-Type. Default: `{DEFAULT_CONTENT_TYPE}`.",
    )
    delay_seconds: Annotated[float, Field(ge=0, le=LONGEST_DELAY_SECONDS, allow_inf_nan=False), StrictNumber] | None = (
        Field(None, description="Wait this many seconds of real time first.")
    )
    when: Literal["before", "after"] | None = Field(
        None,
        description="With `delay_seconds`: wait before anything is changed (default), or after the change is "
        "committed, so that a StatusCallback can arrive before the response. Only for operations.",
    )
    drop: Annotated[Literal["before", "after", True], BeforeValidator(_reject_number)] | None = Field(
        None,
        description="Close the connection before anything is changed, or after the change is committed. "
        "For `status-callback`, only `true` is valid: the callback is not sent.",
    )
    duplicate: Annotated[int, Field(ge=FEWEST_COPIES, le=MOST_COPIES), StrictNumber] | None = Field(
        None, description="For `status-callback`: how many times to send the callback."
    )
    at_once: Annotated[bool, Strict()] | None = Field(
        None, description="With `duplicate`: send all copies at the same time, not one after another."
    )
    signature: SignatureFlaw | None = Field(
        None,
        description="For `status-callback`: send an invalid signature (`bad`), or one computed without the port of "
        "the URL or with the secondary auth token.",
    )


class CreateFaultRequest(RequestModel):
    """A new fault. Without `times` and `probability` it is triggered every time until it is deleted."""

    model_config = ConfigDict(json_schema_extra={"examples": EXAMPLES})

    operation: FaultTarget = Field(description="`*`: every operation of the Twilio API, but not `status-callback`.")
    effect: FaultEffectRequest
    times: Annotated[int, Field(ge=1, le=MOST_TIMES), StrictNumber] | None = Field(
        None, description="How many times the fault is triggered before it is deleted."
    )
    probability: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False), StrictNumber] | None = Field(
        None,
        description="Probability that the fault is triggered. The setting `random_seed` makes the result reproducible.",
    )


class FaultResponse(ResponseModel):
    """A fault that can still be triggered."""

    id: int
    operation: FaultTarget
    effect: dict[str, Any] = Field(examples=[{"status": 429}])
    times_left: int | None = Field(description="Null for a fault without `times`.")
    probability: float | None
    trials: int = Field(description="Number of times that the fault could have been triggered.")
    triggered: int = Field(description="Number of times that the fault was triggered.")
    date_created: DateTimeOut


class FaultListResponse(ResponseModel):
    """Faults in the order in which they are tried. Used-up faults are not listed."""

    faults: list[FaultResponse]


FaultId = Annotated[int, Path(ge=1, le=LARGEST_ID)]


def fault_response(fault: Fault) -> FaultResponse:
    """Convert a fault to a response."""
    return FaultResponse(
        id=fault.id,
        operation=fault.operation,
        effect=dict(fault.effect.to_dict()),
        times_left=fault.times_left,
        probability=fault.probability,
        trials=fault.trials,
        triggered=fault.triggered,
        date_created=rfc_3339(fault.date_created),
    )


@router.post(
    "/accounts/{account_sid}/faults",
    status_code=HTTPStatus.CREATED,
    responses=CONFLICT_RESPONSE,
    summary="Create a fault",
)
async def create_fault(services: Services, account: PathAccount, body: CreateFaultRequest) -> FaultResponse:
    """Inject a fault into the account's requests for an operation, or into its StatusCallbacks.

    If several faults match, they are tried in the order of their creation, and at most one is triggered.
    Unauthenticated requests and requests for unknown paths are not affected. For a StatusCallback, faults are tried
    once per delivery, not once per attempt.
    """
    try:
        effect = effect_from_dict(body.effect.model_dump(exclude_none=True))
        new = NewFault(body.operation, effect, body.times, body.probability)
    except InvalidFault as error:
        raise unprocessable(str(error), "GET /_ringback/docs lists the effects") from error
    try:
        fault = await services.database.run(operations.add_fault, account, new, system_now=services.system_now())
    except operations.TooManyFaults as error:
        raise conflict(
            f"the account has {operations.MAX_FAULTS} faults", "delete faults that are no longer needed"
        ) from error
    if fault is None:
        raise account_not_found(account.sid)
    return fault_response(fault)


@router.get("/accounts/{account_sid}/faults", response_model=FaultListResponse, summary="List the faults")
async def list_faults(services: Services, account: PathAccount) -> Response:
    """Return the faults that can still be triggered."""
    faults = await services.database.run(operations.list_faults, account.sid)
    return await list_response("faults", faults, fault_response)


@router.delete("/accounts/{account_sid}/faults", status_code=HTTPStatus.NO_CONTENT, summary="Delete all faults")
async def delete_faults(services: Services, account: PathAccount) -> Response:
    """Delete all faults of the account."""
    await services.database.run(operations.delete_faults, account.sid)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.delete("/accounts/{account_sid}/faults/{fault_id}", status_code=HTTPStatus.NO_CONTENT, summary="Delete a fault")
async def delete_fault(services: Services, account: PathAccount, fault_id: FaultId) -> Response:
    """Delete a fault. A used-up fault no longer exists."""
    if not await services.database.run(operations.delete_fault, account.sid, fault_id):
        hint = f"GET /_ringback/accounts/{account.sid}/faults lists the faults of the account"
        raise not_found(f"fault {fault_id} in this account", hint)
    return Response(status_code=HTTPStatus.NO_CONTENT)

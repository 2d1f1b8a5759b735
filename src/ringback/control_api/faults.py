"""What is to go wrong: errors, delays and cut connections of the Twilio surface, mishaps of StatusCallbacks."""

from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Response
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, JsonValue

from ringback.control_api.dependencies import AccountOfPath, Services, no_such_account
from ringback.control_api.errors import CONFLICTS, conflict, not_found, unprocessable
from ringback.control_api.large_responses import list_answer
from ringback.control_api.schemas import Body, StrictNumber, Time, View
from ringback.domain.faults import Fault, FaultTarget, NewFault, UnfitFault, effect_from_dict
from ringback.domain.timestamps import rfc_3339
from ringback.operations import faults as operations

LARGEST_ID = 2**53
MESSAGE_MAX_CHARACTERS = 1_000
EXAMPLES: list[JsonValue] = [
    {"operation": "create-validation-request", "effect": {"status": 429}, "times": 2},
    {"operation": "*", "effect": {"drop": "after"}, "probability": 0.1},
    {"operation": "status-callback", "effect": {"duplicate": 2}},
]

router = APIRouter(tags=["Faults"])


def _printable(message: str) -> str:
    if not message.isprintable():
        raise ValueError("characters that can be printed")
    return message


def _no_number(drop: object) -> object:
    if drop == 1 and drop is not True:
        raise ValueError("input should be 'before', 'after' or True")
    return drop


class FaultEffect(Body):
    """What a fault does: exactly one of `status`, `delay_seconds`, `drop`, `duplicate` and `signature`."""

    status: Annotated[int, Field(ge=400, le=599), StrictNumber] | None = Field(
        None, description="Answer so, with Twilio's body; nothing is changed."
    )
    code: Annotated[int, Field(ge=1, le=999_999), StrictNumber] | None = Field(
        None, description="With `status`: another code than Twilio's."
    )
    message: Annotated[str, AfterValidator(_printable)] | None = Field(
        None, min_length=1, max_length=MESSAGE_MAX_CHARACTERS, description="With `status`: other words than Twilio's."
    )
    delay_seconds: Annotated[float, Field(ge=0, le=300, allow_inf_nan=False), StrictNumber] | None = Field(
        None, description="Let so many real seconds pass first."
    )
    drop: Annotated[Literal["before", "after", True], BeforeValidator(_no_number)] | None = Field(
        None,
        description="Cut the connection before anything is changed, or after the change is committed. "
        "For `status-callback` only `true`: never send it.",
    )
    duplicate: Annotated[int, Field(ge=2, le=10), StrictNumber] | None = Field(
        None, description="For `status-callback`: send it so often in all."
    )
    signature: Literal["bad"] | None = Field(None, description="For `status-callback`: sign it wrongly.")


class FaultRequest(Body):
    """A fault: where, what, and how often. With neither `times` nor `probability` it strikes until it is deleted."""

    model_config = ConfigDict(json_schema_extra={"examples": EXAMPLES})

    operation: FaultTarget = Field(description="`*` is every operation of the Twilio surface.")
    effect: FaultEffect
    times: Annotated[int, Field(ge=1, le=1_000_000), StrictNumber] | None = Field(
        None, description="So often, then it is gone."
    )
    probability: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False), StrictNumber] | None = Field(
        None, description="Each time with this probability; see `random_seed`."
    )


class FaultView(View):
    """A fault that may still strike."""

    id: int
    operation: FaultTarget
    effect: dict[str, Any] = Field(examples=[{"status": 429}])
    times_left: int | None = Field(description="Null for a fault that is not counted.")
    probability: float | None
    chances: int = Field(description="How often it might have struck.")
    strikes: int = Field(description="How often it did.")
    date_created: Time


class FaultList(View):
    """Faults in the order in which they have their chance; those that are used up are gone."""

    faults: list[FaultView]


FaultId = Annotated[int, Path(ge=1, le=LARGEST_ID)]


def fault_view(fault: Fault) -> FaultView:
    """Show a fault."""
    return FaultView(
        id=fault.id,
        operation=fault.operation,
        effect=dict(fault.effect.said),
        times_left=fault.times_left,
        probability=fault.probability,
        chances=fault.chances,
        strikes=fault.strikes,
        date_created=rfc_3339(fault.date_created),
    )


@router.post(
    "/accounts/{account_sid}/faults",
    status_code=HTTPStatus.CREATED,
    responses=CONFLICTS,
    summary="Let something go wrong",
)
async def create_fault(services: Services, account: AccountOfPath, wanted: FaultRequest) -> FaultView:
    """Let the account's requests to an operation, or its StatusCallbacks, meet a fault.

    Of several faults that fit, the one asked for first has its chance first, and at most one strikes. A request that
    is not authenticated, or is for no operation, meets none; a StatusCallback meets one a delivery, not one a try.
    """
    try:
        effect = effect_from_dict(wanted.effect.model_dump(exclude_none=True))
        new = NewFault(wanted.operation, effect, wanted.times, wanted.probability)
    except UnfitFault as error:
        raise unprocessable(str(error), "GET /_ringback/docs tells which effects there are") from error
    try:
        fault = await services.database.run(operations.add_fault, account, new, system_now=services.now())
    except operations.TooManyFaults as error:
        raise conflict(
            f"the account has {operations.MAX_FAULTS} faults", "delete those that are not needed any more"
        ) from error
    if fault is None:
        raise no_such_account(account.sid)
    return fault_view(fault)


@router.get("/accounts/{account_sid}/faults", response_model=FaultList, summary="List the faults")
async def list_faults(services: Services, account: AccountOfPath) -> Response:
    """Show the faults that may still strike."""
    faults = await services.database.run(operations.list_faults, account.sid)
    return await list_answer("faults", faults, fault_view)


@router.delete("/accounts/{account_sid}/faults", status_code=HTTPStatus.NO_CONTENT, summary="Delete all faults")
async def delete_faults(services: Services, account: AccountOfPath) -> Response:
    """Let nothing go wrong any more."""
    await services.database.run(operations.delete_faults, account.sid)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.delete("/accounts/{account_sid}/faults/{fault_id}", status_code=HTTPStatus.NO_CONTENT, summary="Delete a fault")
async def delete_fault(services: Services, account: AccountOfPath, fault_id: FaultId) -> Response:
    """Delete a fault that may still strike; one that is used up is gone already."""
    if not await services.database.run(operations.delete_fault, account.sid, fault_id):
        hint = f"GET /_ringback/accounts/{account.sid}/faults lists those that may still strike"
        raise not_found(f"fault {fault_id} in this account", hint)
    return Response(status_code=HTTPStatus.NO_CONTENT)

"""Simulated phones: their rules, the scripts for their next calls, and the accounts in which phones are ringing."""

from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path, Response
from pydantic import BeforeValidator, Field

from ringback.config.validators import PhoneExtension
from ringback.control_api.dependencies import PathAccount, Services, account_not_found, parse_phone_number
from ringback.control_api.errors import not_found, unprocessable
from ringback.control_api.large_responses import lists_response, serialize
from ringback.control_api.schemas import RequestModel, ResponseModel, Seconds
from ringback.domain.phones import PhoneBehavior, PhoneRule, PhoneSource
from ringback.operations import phones as operations
from ringback.operations.phones import MAX_COUNTED_PHONES, EffectivePhone, ringing_accounts
from ringback.storage.phone_repository import DEFAULT_RULE

MAX_ENTRIES = 1_000

router = APIRouter(tags=["Phones"])


class PhoneRuleRequest(RequestModel):
    """Behavior of a phone. Omitted times default to the settings or, in a script, to the phone's rule."""

    behavior: PhoneBehavior
    ring_seconds: Seconds | None = Field(None, description="How long the phone rings before it is answered.")
    key_seconds: Seconds | None = Field(None, description="How long the callee takes to enter the code.")
    extension: PhoneExtension | None = Field(None, description="Extension of the callee: calls must dial it.")


class ScriptEntryResponse(ResponseModel):
    """Behavior of a phone for one call. Null values default to the phone's rule, then to the settings."""

    behavior: PhoneBehavior
    ring_seconds: float | None
    key_seconds: float | None
    extension: str | None


class PhoneRuleResponse(ScriptEntryResponse):
    """The rule of one phone, or of all phones without a rule (`default`)."""

    phone_number: str


class ScriptLengthResponse(ResponseModel):
    """The length of a phone's script."""

    phone_number: str
    entries: int = Field(description="Number of entries, one for each of the next calls.")


class PhoneRuleListResponse(ResponseModel):
    """All rules and scripts of the account, by phone number."""

    phones: list[PhoneRuleResponse]
    scripts: list[ScriptLengthResponse] = Field(description="GET …/phones/{number} returns the entries of a script.")


class PhoneScriptResponse(ResponseModel):
    """The script of a phone: one entry for each of the next calls."""

    phone_number: str
    script: list[ScriptEntryResponse]


class PhoneResponse(ResponseModel):
    """The phone that the next call reaches."""

    phone_number: str
    behavior: PhoneBehavior
    ring_seconds: float
    key_seconds: float
    extension: str | None
    source: PhoneSource = Field(description="The rule that determines the behavior.")
    script: list[ScriptEntryResponse] = Field(description="One entry for each of the next calls.")


class RingingAccountResponse(ResponseModel):
    """An account in which phones are ringing or in a call."""

    account_sid: str
    friendly_name: str
    phones: int = Field(description=f"Number of these phones; at most {MAX_COUNTED_PHONES} are counted.")


class RingingAccountListResponse(ResponseModel):
    """The accounts in which phones are ringing or in a call."""

    accounts: list[RingingAccountResponse]


def _expand_behavior(entry: object) -> object:
    return {"behavior": entry} if isinstance(entry, str) else entry


ScriptEntry = Annotated[
    PhoneRuleRequest, BeforeValidator(_expand_behavior, json_schema_input_type=PhoneBehavior | PhoneRuleRequest)
]
"""An entry of a script: an object, or only the name of a behavior."""
Script = Annotated[
    list[ScriptEntry],
    Body(min_length=1, max_length=MAX_ENTRIES, examples=[["busy", "no-answer", "enter-code"]]),
]


def _number_or_default(
    services: Services,
    number: Annotated[str, Path(description="A phone number, or `default` for all phones without a rule.")],
) -> str:
    return number if number == DEFAULT_RULE else parse_phone_number(services, number, "number")


def _number(services: Services, number: Annotated[str, Path(description="A phone number.")]) -> str:
    if number == DEFAULT_RULE:
        raise unprocessable("number: default has no script", "PUT a rule for default, or use a phone number")
    return parse_phone_number(services, number, "number")


NumberOrDefault = Annotated[str, Depends(_number_or_default)]
Number = Annotated[str, Depends(_number)]


@router.get(
    "/accounts/{account_sid}/phones",
    response_model=PhoneRuleListResponse,
    summary="List the rules and scripts of phones",
)
async def list_rules(services: Services, account: PathAccount) -> Response:
    """Return all rules by phone number (`default`: all other phones), and the phone numbers that have a script."""
    rules = await services.database.run(operations.phone_rules, account.sid)
    lengths = await services.database.run(operations.script_lengths, account.sid)
    return await lists_response(
        phones=await serialize(rules.items(), lambda item: _rule_response(*item)),
        scripts=await serialize(
            lengths.items(), lambda item: ScriptLengthResponse(phone_number=item[0], entries=item[1])
        ),
    )


@router.get("/accounts/{account_sid}/phones/{number}", summary="Fetch a phone")
async def fetch_phone(services: Services, account: PathAccount, number: NumberOrDefault) -> PhoneResponse:
    """Return the phone that the next call to a number reaches, and what determines its behavior."""
    default = services.call_policy.default_phone
    return _phone_response(await services.database.run(operations.find_phone, account.sid, number, default=default))


@router.put("/accounts/{account_sid}/phones/{number}", summary="Set the rule of a phone")
async def set_rule(
    services: Services, account: PathAccount, number: NumberOrDefault, body: PhoneRuleRequest
) -> PhoneResponse:
    """Set the behavior of a phone from the next call on. Replaces the current rule."""
    default = services.call_policy.default_phone
    phone = await services.database.run(operations.save_phone_rule, account.sid, number, _rule(body), default=default)
    if phone is None:
        raise account_not_found(account.sid)
    return _phone_response(phone)


@router.delete(
    "/accounts/{account_sid}/phones/{number}", status_code=HTTPStatus.NO_CONTENT, summary="Delete the rule of a phone"
)
async def delete_rule(services: Services, account: PathAccount, number: NumberOrDefault) -> Response:
    """Delete the rule of a phone, which then behaves like all phones without a rule. Its script remains."""
    if not await services.database.run(operations.delete_phone_rule, account.sid, number):
        hint = f"GET /_ringback/accounts/{account.sid}/phones lists the rules of the account"
        raise not_found(f"a rule for {number} in this account", hint)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post(
    "/accounts/{account_sid}/phones/{number}/script",
    status_code=HTTPStatus.CREATED,
    summary="Add entries to the script of a phone",
)
async def queue_script(
    services: Services, account: PathAccount, number: Number, entries: Script
) -> PhoneScriptResponse:
    """Append entries to the script of a phone. Each dialed call uses one entry; when none remains, the rule applies.

    An entry is the name of a behavior, or an object with the properties of a rule.
    """
    script = await services.database.run(
        operations.queue_script, account.sid, number, [_rule(entry) for entry in entries]
    )
    if script is None:
        raise account_not_found(account.sid)
    return PhoneScriptResponse(phone_number=number, script=_script_response(script))


@router.get("/accounts/{account_sid}/phones/{number}/script", summary="Fetch the script of a phone")
async def fetch_script(services: Services, account: PathAccount, number: Number) -> PhoneScriptResponse:
    """Return the script of a phone. If the script is empty, the rule applies to the next call."""
    script = await services.database.run(operations.phone_script, account.sid, number)
    return PhoneScriptResponse(phone_number=number, script=_script_response(script))


@router.delete(
    "/accounts/{account_sid}/phones/{number}/script",
    status_code=HTTPStatus.NO_CONTENT,
    summary="Delete the script of a phone",
)
async def delete_script(services: Services, account: PathAccount, number: Number) -> Response:
    """Delete the script of a phone, so that its rule applies to the next call. Also succeeds without a script."""
    await services.database.run(operations.delete_phone_script, account.sid, number)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get("/ringing-phones", summary="Count the ringing phones of all accounts")
async def list_ringing_phones(services: Services) -> RingingAccountListResponse:
    """Return the accounts in which phones are ringing or in a call, with the number of these phones."""
    accounts = await services.database.run(ringing_accounts)
    return RingingAccountListResponse(accounts=[RingingAccountResponse(**account._asdict()) for account in accounts])


def _rule(body: PhoneRuleRequest) -> PhoneRule:
    return PhoneRule(body.behavior, body.ring_seconds, body.key_seconds, body.extension)


def _rule_response(number: str, rule: PhoneRule) -> PhoneRuleResponse:
    return PhoneRuleResponse(phone_number=number, **asdict(rule))


def _script_response(script: list[PhoneRule]) -> list[ScriptEntryResponse]:
    return [ScriptEntryResponse(**asdict(entry)) for entry in script]


def _phone_response(phone: EffectivePhone) -> PhoneResponse:
    script = _script_response(phone.script)
    return PhoneResponse(phone_number=phone.number, **asdict(phone.phone), source=phone.source, script=script)

"""Simulated phones: their rules, and scripts of what the next calls meet."""

from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from fastapi import Body as RequestBody
from pydantic import BeforeValidator, Field

from ringback.config.validators import PhoneExtension
from ringback.control_api.dependencies import AccountOfPath, Services, no_such_account
from ringback.control_api.errors import not_found, unprocessable
from ringback.control_api.large_responses import lists_of, written
from ringback.control_api.phone_numbers import e164_of
from ringback.control_api.schemas import Body, Seconds, View
from ringback.domain.phones import PhoneBehavior, PhoneRule, PhoneSource
from ringback.operations import phones as operations
from ringback.operations.phones import KnownPhone
from ringback.storage.phone_repository import DEFAULT_RULE

MAX_ENTRIES = 1_000

router = APIRouter(tags=["Phones"])


class PhoneSetting(Body):
    """What a phone does when it is called; a time left out is the setting's, in a script the phone's own."""

    behavior: PhoneBehavior
    ring_seconds: Seconds | None = Field(None, description="How long it rings before it is answered.")
    key_seconds: Seconds | None = Field(None, description="How long its owner takes to key the code in.")
    extension: PhoneExtension | None = Field(None, description="Who is to be reached: calls must dial these digits.")


class EntryView(View):
    """What one call meets; null is as the phone ever is."""

    behavior: PhoneBehavior
    ring_seconds: float | None
    key_seconds: float | None
    extension: str | None


class RuleView(EntryView):
    """The rule of one phone, or of all the others: `default`."""

    phone_number: str


class ScriptLengthView(View):
    """The script of one phone, by its length."""

    phone_number: str
    entries: int = Field(description="How many of the next calls it is for.")


class RuleList(View):
    """All rules and all scripts of the account, by number."""

    phones: list[RuleView]
    scripts: list[ScriptLengthView] = Field(description="GET …/phones/{number} shows a script.")


class ScriptView(View):
    """What the next calls to a number meet, one each."""

    phone_number: str
    script: list[EntryView]


class PhoneAtNumber(View):
    """The phone that the next call meets."""

    phone_number: str
    behavior: PhoneBehavior
    ring_seconds: float
    key_seconds: float
    extension: str | None
    source: PhoneSource = Field(description="What makes it behave so.")
    script: list[EntryView] = Field(description="What the next calls meet, one each.")


def _named(entry: object) -> object:
    return {"behavior": entry} if isinstance(entry, str) else entry


ScriptEntry = Annotated[PhoneSetting, BeforeValidator(_named, json_schema_input_type=PhoneBehavior | PhoneSetting)]
"""A phone's setting; the name of a behaviour stands for the setting that says no more."""
Script = Annotated[
    list[ScriptEntry],
    RequestBody(min_length=1, max_length=MAX_ENTRIES, examples=[["busy", "no-answer", "enter-code"]]),
]


def _number_or_default(
    services: Services,
    number: Annotated[str, Path(description="A phone number, or `default` for all without a rule.")],
) -> str:
    return number if number == DEFAULT_RULE else e164_of(services, number, "number")


def _number(services: Services, number: Annotated[str, Path(description="A phone number.")]) -> str:
    if number == DEFAULT_RULE:
        raise unprocessable("number: a script is that of one number", "PUT the rule of default, or name a number")
    return e164_of(services, number, "number")


NumberOrDefault = Annotated[str, Depends(_number_or_default)]
Number = Annotated[str, Depends(_number)]


@router.get("/accounts/{account_sid}/phones", response_model=RuleList, summary="List the rules and scripts of phones")
async def list_rules(services: Services, account: AccountOfPath) -> Response:
    """Show the rules by number, with the one of all other phones as `default`, and the numbers that have a script."""
    rules = await services.database.run(operations.phone_rules, account.sid)
    lengths = await services.database.run(operations.script_lengths, account.sid)
    return await lists_of(
        phones=await written(rules.items(), lambda rule: _rule_view(*rule)),
        scripts=await written(
            lengths.items(), lambda script: ScriptLengthView(phone_number=script[0], entries=script[1])
        ),
    )


@router.get("/accounts/{account_sid}/phones/{number}", summary="Look at a phone")
async def fetch_phone(services: Services, account: AccountOfPath, number: NumberOrDefault) -> PhoneAtNumber:
    """Show what the next call to any number meets, and why."""
    default = services.call_policy.default_phone
    return _phone(await services.database.run(operations.find_phone, account.sid, number, default=default))


@router.put("/accounts/{account_sid}/phones/{number}", summary="Make the rule of a phone")
async def save_rule(
    services: Services, account: AccountOfPath, number: NumberOrDefault, setting: PhoneSetting
) -> PhoneAtNumber:
    """Say how a phone behaves from the next call on; the rule it had is forgotten."""
    default = services.call_policy.default_phone
    known = await services.database.run(
        operations.save_phone_rule, account.sid, number, _rule(setting), default=default
    )
    if known is None:
        raise no_such_account(account.sid)
    return _phone(known)


@router.delete(
    "/accounts/{account_sid}/phones/{number}", status_code=HTTPStatus.NO_CONTENT, summary="Delete the rule of a phone"
)
async def delete_rule(services: Services, account: AccountOfPath, number: NumberOrDefault) -> Response:
    """Let a phone behave as the account's others; its script stays."""
    if not await services.database.run(operations.delete_phone_rule, account.sid, number):
        hint = f"GET /_ringback/accounts/{account.sid}/phones lists those there are"
        raise not_found(f"rule of {number} in this account", hint)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post(
    "/accounts/{account_sid}/phones/{number}/script",
    status_code=HTTPStatus.CREATED,
    summary="Say what the next calls meet",
)
async def queue_script(services: Services, account: AccountOfPath, number: Number, entries: Script) -> ScriptView:
    """Add to the script of a phone: each call that is dialled meets one entry, in order, then the rule applies again.

    An entry is the name of a behaviour, or an object like a rule's.
    """
    script = await services.database.run(
        operations.queue_script, account.sid, number, [_rule(entry) for entry in entries]
    )
    if script is None:
        raise no_such_account(account.sid)
    return ScriptView(phone_number=number, script=_entries(script))


@router.get("/accounts/{account_sid}/phones/{number}/script", summary="Look at a phone's script")
async def fetch_script(services: Services, account: AccountOfPath, number: Number) -> ScriptView:
    """Show what the next calls meet; an empty list is what the rule says."""
    script = await services.database.run(operations.phone_script, account.sid, number)
    return ScriptView(phone_number=number, script=_entries(script))


@router.delete(
    "/accounts/{account_sid}/phones/{number}/script",
    status_code=HTTPStatus.NO_CONTENT,
    summary="Forget a phone's script",
)
async def forget_script(services: Services, account: AccountOfPath, number: Number) -> Response:
    """Let the next calls meet what the rule says, whether or not there was a script."""
    await services.database.run(operations.forget_script, account.sid, number)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _rule(setting: PhoneSetting) -> PhoneRule:
    return PhoneRule(setting.behavior, setting.ring_seconds, setting.key_seconds, setting.extension)


def _rule_view(number: str, rule: PhoneRule) -> RuleView:
    return RuleView(phone_number=number, **asdict(rule))


def _entries(script: list[PhoneRule]) -> list[EntryView]:
    return [EntryView(**asdict(entry)) for entry in script]


def _phone(known: KnownPhone) -> PhoneAtNumber:
    script = _entries(known.script)
    return PhoneAtNumber(phone_number=known.number, **asdict(known.phone), source=known.source, script=script)
